"""Fixtures of the projector's tests on real servers."""

import contextlib
from collections.abc import AsyncIterator

import asyncpg
import pytest
from nats.aio.client import Client

from rollbook_projector.headers import LogClient
from support.facts import create_streams, topology
from support.projecting import Stage, connected


@pytest.fixture
async def client(nats_url: str) -> AsyncIterator[Client]:
    """Lend a connection to JetStream with the streams of one partition."""
    async with connected(nats_url) as connection:
        await create_streams(connection, topology())
        yield connection


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Lend a connection to the test's database."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def stage(client: LogClient, database: asyncpg.Connection, database_url: str) -> AsyncIterator[Stage]:
    """Lend projectors that are stopped at the end, and questions about what they did."""
    async with contextlib.AsyncExitStack() as stack:
        yield Stage(client, database, database_url, stack)
