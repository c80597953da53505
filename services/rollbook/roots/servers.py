"""The embedded servers alone, for commands that work while `rollbook up` is stopped."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from rollbook.embedded.data_folder import DataFolder
from rollbook.embedded.nats_server import NatsServer
from rollbook.embedded.postgres import Postgres
from rollbook.settings import Settings


@asynccontextmanager
async def with_servers(settings: Settings) -> AsyncIterator[Settings]:
    """Yield settings under which the servers are found; start those of the data folder where nothing runs there."""
    folder = DataFolder(settings.data)
    named = settings.nats_url is not None or settings.database_url is not None
    if named or not (folder.nats.is_dir() or folder.postgres.is_dir()) or folder.running() is not None:
        yield settings
        return
    with folder.hold():
        async with NatsServer(folder.nats) as nats, Postgres(folder.postgres) as postgres:
            yield replace(settings, nats_url=nats.url, database_url=postgres.url, claim_key=folder.claim_key().hex())
