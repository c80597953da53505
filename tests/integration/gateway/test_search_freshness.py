"""Read your writes: a search waits for the projector, and says so when it waits in vain."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from nats.aio.client import Client

from rollbook_contracts import subjects
from rollbook_gateway.log.connection import connect
from rollbook_gateway.search import freshness
from rollbook_gateway.search.errors import StaleError
from rollbook_gateway.search.freshness import NatsCheckpointNotices
from rollbook_gateway.search.rows import UserPage
from rollbook_gateway.search.users import UserSearch
from support.projecting import until
from support.searched_people import id_of, insert_people, new_tenant
from support.searching import HEAD, PARTITION, Searching, condition


def searched(searching: Searching, tenant: str) -> "asyncio.Task[UserPage]":
    """Begin a search."""
    return asyncio.create_task(searching.search.page(tenant, PARTITION, condition('userName eq "a"'), 1, 10))


async def waiting(searching: Searching) -> None:
    """Wait until a search has seen that the table is behind."""

    async def has_looked() -> bool:
        await asyncio.sleep(0)
        return len(searching.notices.waiting) > 1  # the second look is after the first answer

    await until(has_looked)


async def test_search_waits_for_the_head_of_its_own_time(searching: Searching) -> None:
    """A write accepted before the search is in its answer, though the row comes later."""
    tenant = new_tenant()
    searching.log.sequence = HEAD + 1
    search = searched(searching, tenant)
    await waiting(searching)
    async with searching.database.transaction():
        await insert_people(searching.database, tenant, [{"userName": "a"}])
        await searching.applied(HEAD + 1)
    searching.notices.give(HEAD + 1)

    page = await search

    assert [row.id for row in page.rows] == [id_of(0)]


async def test_lost_notice_delays_only(searching: Searching) -> None:
    """Without any notice the search looks again by itself."""
    searching.log.sequence = HEAD + 1
    search = searched(searching, new_tenant())
    await waiting(searching)
    await searching.applied(HEAD + 1)

    assert (await search).total == 0


async def test_notice_is_no_proof(searching: Searching, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notice of the wanted sequence answers nothing as long as the table is behind."""
    monkeypatch.setattr("rollbook_gateway.search.pages.FRESH_SECONDS", 0.3)
    searching.log.sequence = HEAD + 1
    search = searched(searching, new_tenant())
    await waiting(searching)
    searching.notices.give(HEAD + 1)

    with pytest.raises(StaleError):
        await search


async def test_search_gives_up_after_two_seconds(searching: Searching) -> None:
    """Where the projector stays behind, the search says so in time instead of answering an older state."""
    searching.log.sequence = HEAD + 1
    begin = asyncio.get_running_loop().time()

    with pytest.raises(StaleError, match="applied up to 7, wanted 8"):
        await searched(searching, new_tenant())

    assert 1.9 <= asyncio.get_running_loop().time() - begin < 3.0


async def test_a_tenant_that_is_applied_apart_waits_for_itself(
    searching: Searching, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its facts weigh much: the partition's checkpoint has passed over them. Others are answered at once."""
    monkeypatch.setattr("rollbook_gateway.search.pages.FRESH_SECONDS", 0.3)
    tenant = new_tenant()
    await searching.database.execute(
        "INSERT INTO provisioning.apart (partition, tenant, epoch, seq, until, silent_until)"
        " VALUES ($1, $2, 1, $3, $4, 0)",
        PARTITION,
        tenant,
        HEAD - 2,
        HEAD - 1,
    )

    assert (await searched(searching, new_tenant())).total == 0
    with pytest.raises(StaleError, match=f"applied up to {HEAD - 2}, wanted {HEAD}"):
        await searched(searching, tenant)
    await searching.database.execute("UPDATE provisioning.apart SET seq = until")
    assert (await searched(searching, tenant)).total == 0


async def test_no_checkpoint_is_stale(searching: Searching, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the projector's first batch nothing is known, and nothing is answered."""
    monkeypatch.setattr("rollbook_gateway.search.pages.FRESH_SECONDS", 0.2)
    await searching.database.execute("DELETE FROM provisioning.checkpoints")
    searching.log.sequence = 0

    with pytest.raises(StaleError):
        await searched(searching, new_tenant())


async def test_halted_partition_is_stale_at_once(searching: Searching) -> None:
    """A partition that stands still for a reason is not waited for, even where it is far enough."""
    await searching.applied(HEAD, halted="log_regressed")

    with pytest.raises(StaleError, match="log_regressed"):
        await searched(searching, new_tenant())


async def test_head_is_asked_before_the_rows_are_read(searching: Searching) -> None:
    """The target belongs to the request: it is asked for anew by each."""
    before = searching.log.asked
    await searched(searching, new_tenant())
    await searched(searching, new_tenant())

    assert searching.log.asked == before + 2


@pytest.fixture
async def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the polling away, so that only a notice wakes a search."""
    monkeypatch.setattr(freshness, "POLL_SECONDS", 60.0)


async def test_projectors_notice_wakes_the_search(searching: Searching, nats_url: str, quiet: None) -> None:
    """A notice on NATS ends the wait at once; earlier ones and foreign text do not disturb it."""
    client: Client = await connect(nats_url, name="test", patience=10)
    try:
        async with NatsCheckpointNotices.subscribed(client, 2) as notices:
            search_by_nats = UserSearch(searching.search._tables.pool, searching.log, notices)
            searching.log.sequence = HEAD + 2
            search = asyncio.create_task(search_by_nats.page(new_tenant(), PARTITION, None, 1, 10))
            await until(is_waiting(notices))
            subject = subjects.checkpoint_notice(PARTITION)
            first = notices.upcoming(PARTITION)
            await client.publish(subject, b"what?")
            await first
            await until(is_waiting(notices))  # again: it has seen that the table is behind
            await client.publish(subject, str(HEAD + 1).encode())
            await searching.applied(HEAD + 2)
            await client.publish(subject, str(HEAD + 2).encode())

            assert (await search).total == 0
    finally:
        await client.close()


def is_waiting(notices: NatsCheckpointNotices) -> Callable[[], Awaitable[bool]]:
    """Return the question whether a search has asked for the next notice."""

    async def waits() -> bool:
        return bool(notices._upcoming)

    return waits
