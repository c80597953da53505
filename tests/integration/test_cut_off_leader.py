"""The log beside a stream leader that the network cut off from the other servers: it says nothing that is not so."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from rollbook.settings import Settings
from rollbook.streams import ensure_streams, topology
from rollbook_contracts.claims import ClaimKey
from rollbook_contracts.streams import provisioning
from rollbook_gateway.log.connection import connect
from rollbook_gateway.log.jetstream import JetStreamEventLog
from rollbook_gateway.log.port import Stored, UnavailableError
from rollbook_gateway.log.reads import LeaderReads
from rollbook_gateway.log.wire import Wire
from support.routes import ProxiedCluster, proxied_cluster
from support.writes import user, write


def within(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


@pytest.fixture
async def cluster(folder: Path) -> AsyncIterator[ProxiedCluster]:
    """Run a cluster of this test's own."""
    async with proxied_cluster(folder) as running:
        yield running


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[tuple[JetStreamEventLog, LeaderReads]]:
    """Lend a log of one partition at one server, and reads beside it that take a leader at its word."""
    connection = await connect(url, name="test")
    await ensure_streams(connection, topology(Settings(partitions=1), ClaimKey(b"k" * 32)))
    log = JetStreamEventLog(connection, 1)
    await log.open()
    wire = Wire(connection)
    await wire.open()
    try:
        yield log, LeaderReads(wire)
    finally:
        await log.close()
        await connection.close()


async def refused_or(read: Awaitable[object], *, seconds: float) -> object:
    """Return what a read gives, ``None`` where it says that the log is not available; it must not take longer."""
    async with asyncio.timeout(seconds):
        try:
            return await read
        except UnavailableError:
            return None


async def test_a_leader_that_is_cut_off_is_not_believed(cluster: ProxiedCluster) -> None:
    """It goes on answering from an old log while others write; reads beside it fail in time, until it is healed."""
    async with AsyncExitStack() as stack:
        logs = [await stack.enter_async_context(opened(server.url)) for server in cluster.servers]
        subject = user()
        old = await logs[0][0].append(write((subject, 0)), deadline=within(10))
        leader = await cluster.meta_leader()
        await cluster.lead(provisioning(0), leader)
        beside, believing = logs[leader]
        across, _ = logs[(leader + 1) % len(logs)]
        assert await beside.head(0) == old

        cluster.cut_off(leader)
        new = await across.append(write((subject, old)), deadline=within(20))
        # The fault that this is about, unless the new leader was elected late: the old one answers still.
        stale = await refused_or(believing.last(0, subject), seconds=2.5)
        assert stale is None or (isinstance(stale, Stored) and stale.sequence == old)
        for read in (beside.last(0, subject), beside.at(0, new), beside.head(0)):
            assert await refused_or(read, seconds=2.5) is None
        assert await across.head(0) == new

        cluster.heal()
        async with asyncio.timeout(20):
            while (head := await refused_or(beside.head(0), seconds=2.5)) is None:
                pass
        assert head == new
        found = await beside.last(0, subject)
        assert found is not None
        assert found.sequence == new


async def test_on_one_server_nothing_is_asked_but_the_question(nats_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else could lead there, so that reads cost what they did."""

    async def never(*_: object) -> None:
        raise AssertionError("a proof was asked for")

    monkeypatch.setattr(LeaderReads, "delete_nothing", never)
    async with opened(nats_url) as (log, _):
        subject = user()
        stored = await log.append(write((subject, 0)), deadline=within(5))
        found = await log.last(0, subject)
        assert found is not None
        assert found.sequence == stored == await log.head(0)
