"""The provisioning log from its stream to its table; projector/rollbook_projector/provisioning_log."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from rollbook.embedded.postgres import Postgres
from rollbook.settings import Settings
from rollbook.streams import ensure_streams, topology
from rollbook_contracts import subjects
from rollbook_contracts.claims import ClaimKey
from rollbook_contracts.requests.codec import RequestsAnswered, page_headers
from rollbook_contracts.streams import REQUESTS
from rollbook_gateway.log.connection import Connection, connect
from rollbook_projector.provisioning_log.consuming import DURABLE
from rollbook_projector.provisioning_log.keeping import ProvisioningLog
from rollbook_projector.provisioning_log.rows import prune, store
from support import servers
from support.provisioning_log import GATEWAY, SINCE, ago, an_entry, publish

KEEP = timedelta(days=90)


@pytest.fixture(name="connection")
async def _connection(nats_url: str) -> AsyncIterator[Connection]:
    connection = await connect(nats_url, name="test")
    await ensure_streams(connection, topology(Settings(partitions=1), ClaimKey(b"k" * 32)))
    yield connection
    await connection.close()


@pytest.fixture(name="database")
async def _database(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    database = await asyncpg.connect(database_url)
    yield database
    await database.close()


@asynccontextmanager
async def kept(nats_url: str, database_url: str) -> AsyncIterator[None]:
    """Keep the log for the block, as a projector process does."""
    stop = asyncio.Event()
    task = asyncio.create_task(ProvisioningLog(nats_url, database_url, keep=KEEP, check=0.2).run(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)


async def until(ask: Callable[[], Awaitable[object]], expected: object) -> None:
    """Wait until an answer is as expected."""
    async with asyncio.timeout(20):
        while await ask() != expected:  # noqa: ASYNC110  # another process's table
            await asyncio.sleep(0.02)


async def test_entries_become_rows(
    connection: Connection, nats_url: str, database_url: str, database: asyncpg.Connection
) -> None:
    """Every part of an entry stands in its row, and the name without case beside it."""
    entry = an_entry(
        resource_name="Ada@Contoso.com",
        outcome="refused",
        status=400,
        scim_type="invalidValue",
        detail='department "Marketing" is not allowed',
        changed=("active",),
        notes=("one", "two"),
        first_fact=7,
        last_fact=9,
    )
    async with kept(nats_url, database_url):
        await publish(connection, entry, an_entry(resource_name=""))
        await until(lambda: database.fetchval("SELECT count(*) FROM provisioning.requests"), 2)

    row = await database.fetchrow("SELECT * FROM provisioning.requests WHERE request_id = $1", entry.request_id)
    assert row["time"] == datetime.fromisoformat(entry.time)
    assert row["resource_name_folded"] == "ada@contoso.com"
    same = set(row.keys()) - {"time", "resource_name_folded", "changed", "notes"}
    assert {name: row[name] for name in same} == {name: getattr(entry, name) for name in same}
    assert (row["changed"], row["notes"]) == (["active"], ["one", "two"])


async def rows(database: asyncpg.Connection) -> list[str]:
    """Return the correlation ids in the table."""
    return [row[0] for row in await database.fetch("SELECT request_id FROM provisioning.requests ORDER BY request_id")]


async def test_what_comes_twice_is_stored_once(
    connection: Connection, nats_url: str, database_url: str, database: asyncpg.Connection
) -> None:
    """A page that was sent again, or is delivered again, changes nothing, also with other entries in it."""
    first, second = an_entry(), an_entry()
    async with kept(nats_url, database_url):
        await publish(connection, first, unadmitted=3, lost=1)
        await publish(connection, first, second, unadmitted=2)
        await until(lambda: rows(database), sorted([first.request_id, second.request_id]))
        await until(lambda: unacknowledged(connection), 0)

    counts = await database.fetch("SELECT gateway, unadmitted, lost FROM provisioning.request_counts")
    assert [tuple(row) for row in counts] == [(GATEWAY, 3, 1)]


async def test_processes_share_what_comes(
    connection: Connection, nats_url: str, database_url: str, database: asyncpg.Connection
) -> None:
    """Two projector processes store each entry once, and what came before they ran."""
    entries = [an_entry() for _ in range(40)]
    for entry in entries[:20]:
        await publish(connection, entry)
    async with kept(nats_url, database_url), kept(nats_url, database_url):
        for entry in entries[20:]:
            await publish(connection, entry)
        await until(lambda: rows(database), sorted(entry.request_id for entry in entries))


async def test_a_database_that_was_away_gets_all(
    connection: Connection, nats_url: str, database_url: str, database: asyncpg.Connection, postgres: Postgres
) -> None:
    """What came while PostgreSQL ended every session of the log is stored when it lets us in again."""
    name = database_url.rpartition("/")[2].partition("?")[0]
    async with kept(nats_url, database_url):
        await publish(connection, first := an_entry())
        await until(lambda: rows(database), [first.request_id])
        await servers.execute(postgres, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        await database.execute(_END_SESSIONS)
        await publish(connection, second := an_entry())
        await until(lambda: database.fetchval(_SESSIONS), 0)
        await servers.execute(postgres, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        await until(lambda: rows(database), [first.request_id, second.request_id])


_LOG_SESSIONS = "FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '%provisioning log'"
_END_SESSIONS = f"SELECT pg_terminate_backend(pid) {_LOG_SESSIONS}"
_SESSIONS = f"SELECT count(*) {_LOG_SESSIONS}"


async def test_a_consumer_that_is_deleted_is_made_again(
    connection: Connection, nats_url: str, database_url: str, database: asyncpg.Connection
) -> None:
    """Whoever removes the consumer underneath does not stop the log."""
    async with kept(nats_url, database_url):
        await publish(connection, first := an_entry())
        await until(lambda: rows(database), [first.request_id])
        assert await connection.jetstream().delete_consumer(REQUESTS, DURABLE)
        await publish(connection, second := an_entry())
        await until(lambda: rows(database), [first.request_id, second.request_id])


async def test_what_cannot_be_read_or_stored_is_in_nobodys_way(
    connection: Connection, nats_url: str, database_url: str, database: asyncpg.Connection
) -> None:
    """A message of another type, one of nonsense, and a value that PostgreSQL has no room for are given up."""
    subject, headers = subjects.answered_requests(), page_headers("req_1", gateway=GATEWAY, time=ago())
    async with kept(nats_url, database_url):
        for body, sent in ((b"{}", {"ce-type": "requests.answered.v9"}), (b"nonsense", headers)):
            await connection.request(subject, body, timeout=5, headers=sent)
        await publish(connection, an_entry(resource_name="a\0b"))
        await publish(connection, good := an_entry())
        await until(lambda: rows(database), [good.request_id])
        await until(lambda: unacknowledged(connection), 0)


async def unacknowledged(connection: Connection) -> int:
    """Return how many messages wait, delivered or not."""
    info = await connection.jetstream().consumer_info(REQUESTS, DURABLE)
    return (info.num_pending or 0) + (info.num_ack_pending or 0)


async def test_what_is_old_is_deleted(database: asyncpg.Connection) -> None:
    """Rows older than is to be kept go, in as many portions as it takes; counts of processes long gone, too."""
    now = datetime.now(UTC)
    old, new = [an_entry(time=ago(days=91)) for _ in range(7)], [an_entry(time=ago(days=89)) for _ in range(3)]
    await store(database, RequestsAnswered(GATEWAY, SINCE, 1, 0, (*old, *new)), now - timedelta(days=91))
    await store(database, RequestsAnswered("gateway:2", SINCE, 1, 0), now)

    assert await prune(database, now=now, keep=KEEP, at_once=3) == 7

    assert await rows(database) == sorted(entry.request_id for entry in new)
    assert await database.fetchval("SELECT array_agg(gateway) FROM provisioning.request_counts") == ["gateway:2"]


async def test_old_entries_are_deleted_when_a_projector_starts(
    connection: Connection, nats_url: str, database_url: str, database: asyncpg.Connection
) -> None:
    """Nobody has to ask for it."""
    await store(database, RequestsAnswered(GATEWAY, SINCE, entries=(an_entry(time=ago(days=91)),)), datetime.now(UTC))
    async with kept(nats_url, database_url):
        await until(lambda: rows(database), [])
