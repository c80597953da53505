"""The gateway's pool of PostgreSQL connections, and what its failures mean to a search."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, TypeAlias

import asyncpg

from rollbook_gateway.search.errors import SearchUnavailableError

CONNECT_SECONDS: Final = 1.0
STATEMENT_SECONDS: Final = 2.0
CLOSE_SECONDS: Final = 1.0
PLAN_SECONDS: Final = 20.0
"""How long a plan is kept: one that was made for a handful of people may read all of them, by whichever index."""

_SERVER_SETTINGS: Final = {
    "application_name": "rollbook gateway",
    "jit": "off",  # compiling a statement costs more than any page saves
    # One plan for each shape of filter, since planning costs more than a search; by an index, whatever is known of the
    # table when the plan is made.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "statement_timeout": str(int(STATEMENT_SECONDS * 1000)),
}

_UNAVAILABLE: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresSystemError,
    asyncpg.TransactionRollbackError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.UndefinedTableError,  # the migrations have not run yet, or a rebuild is switching
)


@asynccontextmanager
async def open_pool(database_url: str, size: int = 8) -> AsyncIterator[asyncpg.Pool]:
    """Lend a pool that connects when it is first asked, so that the database may be down at the start."""
    pool = asyncpg.create_pool(
        database_url,
        min_size=0,
        max_size=size,
        max_inactive_connection_lifetime=0,
        max_cached_statement_lifetime=PLAN_SECONDS,
        timeout=CONNECT_SECONDS,
        command_timeout=STATEMENT_SECONDS,
        reset=_nothing_to_reset,
        server_settings=_SERVER_SETTINGS,
    )
    async with pool:
        try:
            yield pool
        finally:
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await pool.close()
            except TimeoutError:
                pool.terminate()


Fetch: TypeAlias = Callable[[str, Sequence[Any]], Awaitable[list[asyncpg.Record]]]
"""Runs one statement with its parameters."""


async def fetch(
    pool: asyncpg.Pool, statement: str, parameters: Sequence[Any], *, seconds: float
) -> list[asyncpg.Record]:
    """Run one statement within ``seconds``; raises ``SearchUnavailableError`` where PostgreSQL gives no answer."""
    deadline = asyncio.get_running_loop().time() + seconds
    async with _lent(pool, seconds) as connection:
        return await _run(connection, deadline, statement, parameters)


@asynccontextmanager
async def snapshot(pool: asyncpg.Pool, *, seconds: float) -> AsyncIterator[Fetch]:
    """Lend statements that all read the same snapshot and end within ``seconds``; raises likewise."""
    deadline = asyncio.get_running_loop().time() + seconds
    async with _lent(pool, seconds) as connection:
        transaction = connection.transaction(isolation="repeatable_read", readonly=True)
        await transaction.start()
        # Whoever raises leaves the transaction open: the pool ends it when it takes the connection back.
        yield partial(_run, connection, deadline)
        await transaction.commit()


async def _run(
    connection: asyncpg.Connection, deadline: float, statement: str, parameters: Sequence[Any]
) -> list[asyncpg.Record]:
    left = min(deadline - asyncio.get_running_loop().time(), STATEMENT_SECONDS)
    rows: list[asyncpg.Record] = await connection.fetch(statement, *parameters, timeout=max(left, 0.001))
    return rows


@asynccontextmanager
async def _lent(pool: asyncpg.Pool, seconds: float) -> AsyncIterator[asyncpg.Connection]:
    try:
        connection = await pool.acquire(timeout=min(seconds, CONNECT_SECONDS))
        try:
            yield connection
        except asyncpg.PostgresError:
            raise
        except BaseException:
            # A server that is paused answers no cancellation either, which a release would wait for, and after a
            # cancellation an operation may still be under way: nobody else must get this connection.
            connection.terminate()
            raise
        finally:
            await pool.release(connection)
    except _UNAVAILABLE as error:
        raise SearchUnavailableError(f"PostgreSQL does not answer: {error!r}") from error


async def _nothing_to_reset(_: asyncpg.Connection) -> None:
    """Save the round trip of a reset: nothing that the gateway does leaves a trace in its session."""
