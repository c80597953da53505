"""The janitor on real servers: it ends what was left behind, and nothing that goes on."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial

import asyncpg
import pytest

from rollbook.settings import Settings
from rollbook.streams import ensure_streams, topology
from rollbook_contracts import subjects
from rollbook_contracts.claims import ClaimKey
from rollbook_contracts.datetimes import format_instant
from rollbook_contracts.facts.codec import decode_fact
from rollbook_contracts.facts.membership import StagingAbandoned, StagingChunk
from rollbook_contracts.identifiers import new_id
from rollbook_gateway.decide.user import PlannedFact
from rollbook_gateway.decide.write import assemble
from rollbook_gateway.janitor import Janitor
from rollbook_gateway.log.connection import connect
from rollbook_gateway.log.jetstream import JetStreamEventLog
from rollbook_gateway.search.database import open_pool

TENANT, GROUP_ID = "ten_0000000000000000000000000a", "grp_0000000000000000000000000a"
NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
PATIENCE = 900


@pytest.fixture
async def log(nats_url: str) -> AsyncIterator[JetStreamEventLog]:
    nats = await connect(nats_url, name="tests")
    await ensure_streams(nats, topology(Settings(partitions=1), ClaimKey(bytes(32))))
    log = JetStreamEventLog(nats, 1)
    await log.open()
    yield log
    await log.close()
    await nats.close()


@pytest.fixture
async def janitor(log: JetStreamEventLog, database_url: str) -> AsyncIterator[Janitor]:
    async with open_pool(database_url) as pool:
        yield Janitor(pool, log, partial(new_id, "req"), PATIENCE)


def subject(staging: str) -> str:
    return subjects.group_staging(0, TENANT, GROUP_ID, staging)


async def chunk(log: JetStreamEventLog, staging: str, index: int, last: int) -> int:
    """Store one chunk; return its sequence."""
    planned = PlannedFact(subject(staging), GROUP_ID, StagingChunk(GROUP_ID, staging, index, ("u1",)), last)
    write = assemble([planned], partition=0, tenant=TENANT, request_id=staging, now=format_instant(NOW), first=index)
    return await log.append(write, deadline=asyncio.get_running_loop().time() + 10)


async def table_has(database: asyncpg.Connection, staging: str, last: int, age: int) -> None:
    """Put a staging into the table, as the projector does."""
    await database.execute(
        "INSERT INTO provisioning.stagings VALUES (0, $1, $2, $3, 1, $4, $5)",
        TENANT,
        GROUP_ID,
        staging,
        last,
        format_instant(NOW - timedelta(seconds=age)),
    )


async def test_old_staging_is_abandoned(log: JetStreamEventLog, janitor: Janitor, database: asyncpg.Connection) -> None:
    """Its end is a fact behind the last chunk; a younger one is left alone."""
    old, young = await chunk(log, "req_old", 0, 0), await chunk(log, "req_young", 0, 0)
    await table_has(database, "req_old", old, age=PATIENCE + 1)
    await table_has(database, "req_young", young, age=PATIENCE - 1)

    assert await janitor.round(NOW) == 1

    end = await log.last(0, subject("req_old"))
    assert end is not None
    assert decode_fact(end.headers, end.body) == StagingAbandoned(GROUP_ID, "req_old")
    assert int(end.headers["ce-prev"]) == old
    untouched = await log.last(0, subject("req_young"))
    assert untouched is not None
    assert untouched.sequence == young


async def test_staging_that_went_on_is_left_alone(
    log: JetStreamEventLog, janitor: Janitor, database: asyncpg.Connection
) -> None:
    """Where the table is behind the log, or another janitor was first, nothing is written."""
    first = await chunk(log, "req_1", 0, 0)
    second = await chunk(log, "req_1", 1, first)
    await table_has(database, "req_1", first, age=PATIENCE + 1)

    assert await janitor.round(NOW) == 0

    last = await log.last(0, subject("req_1"))
    assert last is not None
    assert last.sequence == second
