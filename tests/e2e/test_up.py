"""`rollbook up` as a person runs it: everything in one, found by every other command, gone when it is told to go."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg
import nats
import psutil
import pytest

from support.waiting import until

pytestmark = pytest.mark.timeout(180)


@dataclass(slots=True)
class Up:
    """A running `rollbook up` and all processes below it."""

    process: asyncio.subprocess.Process
    ready_file: Path
    stack: dict[str, str]
    family: list[psutil.Process]

    async def all_gone(self, within: float) -> bool:
        """Say whether `up` and every process below it has ended within so many seconds."""
        async with asyncio.timeout(within):
            await self.process.wait()
        _, alive = await asyncio.to_thread(psutil.wait_procs, self.family, timeout=within)
        return not alive


async def launch(data: Path, *options: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rollbook", "up", "--data", str(data), "--port", "0", *options),
        env={"PATH": os.defpath},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )


@contextlib.asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Up]:
    """Run a stack in ``folder/data`` until the block ends, or whatever is left of it then."""
    ready_file = folder / "ready.json"
    ready_file.unlink(missing_ok=True)
    process = await launch(folder / "data", "--ready-file", str(ready_file))
    try:
        await until(lambda: ready_file.exists() or process.returncode is not None, within=60)
        assert process.returncode is None, (await process.communicate())[1].decode()
        family = psutil.Process(process.pid).children(recursive=True)
        yield Up(process, ready_file, json.loads(ready_file.read_text()), family)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def named(up: Up, word: str) -> psutil.Process:
    """Return the direct child of `up` with this word in its command line."""
    children = psutil.Process(up.process.pid).children()
    return next(child for child in children if any(word in part for part in child.cmdline()))


async def test_ready_file_leads_to_everything(folder: Path) -> None:
    """Each address in the ready file works as it stands, and the file is for its owner only."""
    async with running(folder) as up:
        assert up.ready_file.stat().st_mode & 0o777 == 0o600
        client = await nats.connect(up.stack["nats_url"])
        streams = [stream.config.name for stream in await client.jetstream().streams_info()]
        await client.close()
        connection = await asyncpg.connect(up.stack["database_url"])
        tenants = await connection.fetchval("SELECT count(*) FROM lms.tenants")
        await connection.close()
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {up.stack['token']}"}) as session:
            async with session.get(f"{up.stack['tenant_url']}/Users") as answer:
                users = answer.status
            async with session.get(f"{up.stack['gateway_url']}/readyz") as answer:
                ready = answer.status

    assert "CHANGES" in streams
    assert tenants == 1
    assert (users, ready) == (200, 200)


async def test_second_up_is_told_who_has_the_data(folder: Path) -> None:
    """On data in use `up` refuses, names the process that has them, and disturbs nothing."""
    async with running(folder) as up:
        second = await launch(folder / "data")
        _, said = await second.communicate()

        assert second.returncode == 1
        assert f"is in use by rollbook up, process {up.process.pid}, since " in said.decode()
        assert all(process.is_running() for process in up.family)


@pytest.mark.parametrize(
    ("send", "asked"),
    [(os.kill, signal.SIGTERM), (os.killpg, signal.SIGINT)],
    ids=["SIGTERM alone", "SIGINT to the group"],
)
async def test_stops_within_ten_seconds(
    folder: Path, send: Callable[[int, signal.Signals], None], asked: signal.Signals
) -> None:
    """Asked by a signal, to itself or to its process group, `up` ends all that it started and leaves with status 0."""
    async with running(folder) as up:
        send(up.process.pid, asked)

        assert await up.all_gone(within=10)
        assert up.process.returncode == 0


async def test_killed_child_is_brought_back(folder: Path) -> None:
    """Whichever process dies, `up` starts it again, and the stack answers where it did."""
    async with running(folder) as up:
        for word in ("nats-server", "postgres", "projector", "gateway"):
            victim = named(up, word)
            victim.kill()
            await until(lambda word=word, victim=victim: named_anew(up, word, victim), within=30)  # type: ignore[misc]  # the defaults bind the loop's values

        async with aiohttp.ClientSession() as session:
            await until_answers(session, f"{up.stack['gateway_url']}/readyz")


def named_anew(up: Up, word: str, victim: psutil.Process) -> bool:
    """Say whether a new process does the victim's work."""
    try:
        return named(up, word).pid != victim.pid
    except (StopIteration, psutil.Error):
        return False


async def until_answers(session: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.05)


async def test_killed_up_leaves_nothing_and_loses_nothing(folder: Path) -> None:
    """After kill -9 of `up`, alone or with its group, its children end, and the next `up` has the same data."""
    async with running(folder) as up:
        first = up.stack
        up.process.kill()
        assert await up.all_gone(within=20)

    async with running(folder) as up:
        second = up.stack
        for process in up.family:
            process.kill()
        os.killpg(up.process.pid, signal.SIGKILL)
        assert await up.all_gone(within=20)

    async with running(folder) as up:
        third = up.stack
    for kept in ("token", "nats_url", "database_url"):
        assert first[kept] == second[kept] == third[kept]


async def test_an_empty_log_under_old_tables_is_refused(folder: Path) -> None:
    """Without the log that its tables are made of `up` does not start and names the way out, which leads to a start."""
    async with running(folder) as up:
        up.process.send_signal(signal.SIGTERM)
        assert await up.all_gone(within=10)
    shutil.rmtree(folder / "data" / "nats" / "store")

    refused = await launch(folder / "data")
    _, said = await refused.communicate()
    assert refused.returncode == 1
    assert "NATS holds no log, but the tables hold what was applied of one" in said.decode()
    assert "`rollbook epoch start` is the way out" in said.decode()

    begun = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rollbook", "epoch", "start", "--yes", "--data", str(folder / "data")),
        env={"PATH": os.defpath},
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await begun.communicate()
    assert begun.returncode == 0, said.decode()
    async with running(folder) as up, aiohttp.ClientSession() as session:
        await until_answers(session, f"{up.stack['gateway_url']}/readyz")
