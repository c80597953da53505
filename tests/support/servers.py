"""Real servers for the tests, started from the wheels by the tests themselves; conftest.py hands them out."""

import asyncio
import contextlib
import importlib
import importlib.util
import secrets
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import nats

from rollbook.embedded.nats_server import ClusterMember, NatsServer
from rollbook.embedded.ports import any_free
from rollbook.embedded.postgres import Postgres

TEMPLATE = "rollbook_template"


@contextlib.contextmanager
def folder_for_servers() -> Iterator[Path]:
    """Lend a folder that the servers' account may enter, unlike pytest's own when root runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="rollbook-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.asynccontextmanager
async def nats_cluster(folder: Path) -> AsyncIterator[list[NatsServer]]:
    """Run three nats-servers as one cluster, ready when each has caught up with the leader."""
    password = f"p{secrets.token_hex(8)}"
    ports: set[int] = set()
    while len(ports) < 3:
        ports.add(any_free())
    members = [
        NatsServer(folder / f"n{number}", member=ClusterMember(f"n{number}", port, tuple(ports), password))
        for number, port in enumerate(ports)
    ]
    async with contextlib.AsyncExitStack() as stack:
        for member in members:
            stack.push_async_callback(member.stop)
        await asyncio.gather(*(member.start() for member in members))
        yield members


async def delete_streams(url: str) -> None:
    """Leave JetStream as it was at the start: without a stream."""
    client = await nats.connect(url, connect_timeout=5)
    try:
        jetstream = client.jetstream(timeout=15)
        for stream in await jetstream.streams_info():
            if stream.config.name is not None:
                await jetstream.delete_stream(stream.config.name)
    finally:
        await client.close()


async def make_template(server: Postgres) -> None:
    """Make the database that each test's own is copied from, with the newest schema as soon as there are migrations."""
    await execute(server, f"CREATE DATABASE {TEMPLATE}")
    if importlib.util.find_spec("rollbook_projector.migrations") is not None:
        migrations = importlib.import_module("rollbook_projector.migrations")
        await migrations.upgrade(server.url_of(TEMPLATE))


@contextlib.asynccontextmanager
async def database(server: Postgres) -> AsyncIterator[str]:
    """Lend the address of a database of the newest schema and nothing in it."""
    name = f"t_{uuid.uuid4().hex}"
    await execute(server, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    try:
        yield server.url_of(name)
    finally:
        await execute(server, f"DROP DATABASE {name} WITH (FORCE)")


async def execute(server: Postgres, statement: str) -> None:
    """Run one statement as the superuser, outside any test's database."""
    connection = await asyncpg.connect(server.url_of("postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def modes(folder: Path) -> dict[str, int]:
    """Return the mode of a folder (under the empty name) and of each thing directly in it."""
    return {"": folder.stat().st_mode & 0o777} | {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
