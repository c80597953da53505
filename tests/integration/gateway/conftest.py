"""Fixtures of the gateway's tests on real servers."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from rollbook_gateway.search.database import open_pool
from rollbook_gateway.search.groups import GroupSearch
from rollbook_gateway.search.users import UserSearch
from support.searching import HEAD, Log, Notices, Searching


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Lend a connection to the test's database."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def searching(database_url: str, database: asyncpg.Connection) -> AsyncIterator[Searching]:
    """Lend searches on tables that hold all that the log does."""
    log, notices = Log(), Notices()
    async with open_pool(database_url) as pool:
        stage = Searching(UserSearch(pool, log, notices), GroupSearch(pool, log, notices), database, log, notices)
        await stage.applied(HEAD)
        yield stage
