"""`rollbook up` restarts its nats-server when that goes on refusing writes although the disk has room again."""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats
import nats.errors
import pytest

from rollbook.embedded import nats_server
from rollbook.embedded.disk_room import restart_when_there_is_room
from rollbook.embedded.nats_server import NatsServer
from rollbook.embedded.supervisor import Supervisor, supervise
from support.projecting import until

LARGE = b"x" * 100_000


async def test_a_limit_that_the_disk_has_outgrown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The room is measured when the server starts: when there is more, and none is left, it starts again."""
    monkeypatch.setattr(nats_server, "_room_for", lambda _store: 4_000_000)
    server = NatsServer(folder / "nats")
    async with supervised(server):
        await fill(server)
        assert await server.held_up() is None
        first = server.pid

        monkeypatch.setattr(nats_server, "_room_for", lambda _store: 500_000_000)

        await until(lambda: takes_writes(server))
        assert server.pid != first
        assert await server.held_up() is None


async def test_a_disk_that_was_full(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the disk stays with the server after there is room: it is restarted then, and not before."""
    monkeypatch.setattr(nats_server, "_room_for", lambda _store: 1_000_000_000)
    filler = small_disk / "filler"
    server = NatsServer(small_disk / "nats")
    async with supervised(server):
        filler.write_bytes(bytes(110 * 1024 * 1024))
        await fill(server)
        assert await server.held_up() is None
        first = server.pid

        filler.unlink()

        await until(lambda: takes_writes(server))
        assert server.pid != first


@asynccontextmanager
async def supervised(server: NatsServer) -> AsyncIterator[None]:
    """Keep a server running as `rollbook up` does, looking at it all the time."""
    stop, ready = asyncio.Event(), asyncio.Event()

    async def begin(supervisor: Supervisor) -> None:
        await supervisor.start(server)
        supervisor.beside(restart_when_there_is_room(server, look=0.1, least_pause=1.0))
        ready.set()

    running = asyncio.create_task(supervise(begin, stop))
    try:
        await ready.wait()
        yield
    finally:
        stop.set()
        await running


async def fill(server: NatsServer) -> None:
    """Write until the server takes no more."""
    client = await nats.connect(server.url)
    try:
        config = {"name": "X", "subjects": ["x"], "storage": "file", "discard": "new"}
        await client.request("$JS.API.STREAM.CREATE.X", json.dumps(config).encode(), timeout=5)
        while await _stored(client.request, LARGE):
            pass
    finally:
        await client.close()


async def takes_writes(server: NatsServer) -> bool:
    try:
        client = await nats.connect(server.url, allow_reconnect=False, connect_timeout=1)
    except (OSError, nats.errors.Error):
        return False
    try:
        return await _stored(client.request, b"small")
    finally:
        await client.close()


async def _stored(request: Callable[..., Any], body: bytes) -> bool:
    try:
        return "error" not in json.loads((await request("x", body, timeout=1)).data)
    except (nats.errors.Error, TimeoutError):
        return False


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """Lend a file system of 128 MiB, where the tests may mount one."""
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128m,mode=711", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode:
        pytest.skip("only where a file system may be mounted")
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)
