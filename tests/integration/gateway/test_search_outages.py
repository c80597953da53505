"""Searches while PostgreSQL is away: refused in time with a reason, and answered again once it is back."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator

import asyncpg
import psutil
import pytest

from rollbook.embedded.postgres import Postgres
from rollbook_gateway.search.database import fetch, open_pool, snapshot
from rollbook_gateway.search.errors import SearchUnavailableError
from rollbook_gateway.search.groups import GroupSearch
from rollbook_gateway.search.users import UserSearch
from support import servers
from support.projecting import until
from support.searched_groups import group_id_of
from support.searched_people import id_of, insert_people, new_tenant
from support.searching import HEAD, PARTITION, Log, Notices, Searching

_SLEEPING = (
    "SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%' AND state = 'active' AND pid <> pg_backend_pid()"
)


@pytest.fixture(scope="module")
async def own_postgres() -> AsyncIterator[Postgres]:
    """Run a PostgreSQL that the test may pause and stop."""
    with servers.folder_for_servers() as lent:
        async with Postgres(lent / "postgres") as server:
            await servers.make_template(server)
            yield server


@pytest.fixture
async def searching(own_postgres: Postgres) -> AsyncIterator[Searching]:
    """Lend a search on a database of that server."""
    url = own_postgres.url_of(servers.TEMPLATE)
    database = await asyncpg.connect(url)
    log, notices = Log(), Notices()
    async with open_pool(url, size=2) as pool:
        stage = Searching(UserSearch(pool, log, notices), GroupSearch(pool, log, notices), database, log, notices)
        await stage.applied(HEAD)
        yield stage
    await database.close()


@contextlib.contextmanager
def paused(server: Postgres) -> Iterator[None]:
    """Stop all of a server's processes where they stand."""
    postmaster = psutil.Process(server.pid)
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)


async def test_paused_server_refuses_in_time_and_is_asked_again(searching: Searching, own_postgres: Postgres) -> None:
    """Every search beside a paused server ends within about three seconds; the first one after it is answered."""
    tenant = new_tenant()
    await insert_people(searching.database, tenant, [{"userName": "a"}])
    assert await searching.found(tenant, 'userName eq "a"') == [id_of(0)]
    loop = asyncio.get_running_loop()

    with paused(own_postgres):
        for _ in range(2):  # with connections that hang, and without any
            begin = loop.time()
            answers = await asyncio.gather(
                *(searching.found(tenant, 'userName eq "a"') for _ in range(6)),
                *(searching.groups.group(tenant, PARTITION, group_id_of(0)) for _ in range(6)),
                return_exceptions=True,
            )
            assert {type(answer) for answer in answers} == {SearchUnavailableError}
            assert loop.time() - begin < 3.5

    assert await searching.found(tenant, 'userName eq "a"') == [id_of(0)]
    assert await searching.groups.group(tenant, PARTITION, group_id_of(0)) is None


async def test_cancelled_search_leaves_its_connection_usable(searching: Searching, own_postgres: Postgres) -> None:
    """Clients that hang up while the server is paused do not use up the pool."""
    tenant = new_tenant()
    with paused(own_postgres):
        searches: list[asyncio.Task[object]] = [
            *(asyncio.create_task(searching.found(tenant, 'userName eq "a"')) for _ in range(4)),
            *(asyncio.create_task(searching.groups.group(tenant, PARTITION, group_id_of(0))) for _ in range(4)),
        ]
        await asyncio.wait(searches, timeout=0.1)
        for search in searches:
            search.cancel()
        await asyncio.wait(searches, timeout=5)
        assert all(search.done() for search in searches)

    assert await searching.found(tenant, 'userName eq "a"') == []
    assert await searching.groups.group(tenant, PARTITION, group_id_of(0)) is None


async def test_server_that_was_stopped_is_found_again(searching: Searching, own_postgres: Postgres) -> None:
    """While nobody listens searches are refused at once; a server started anew answers through the same pool."""
    tenant = new_tenant()
    await insert_people(searching.database, tenant, [{"userName": "a"}])
    assert await searching.found(tenant, 'userName eq "a"') == [id_of(0)]

    await own_postgres.stop()
    with pytest.raises(SearchUnavailableError):
        await searching.found(tenant, 'userName eq "a"')
    await own_postgres.start()

    assert await searching.found(tenant, 'userName eq "a"') == [id_of(0)]


async def test_statement_that_takes_too_long_is_given_up(own_postgres: Postgres) -> None:
    """A search may take so long and no longer, in the server too; the pool stays as it was."""
    async with open_pool(own_postgres.url_of(servers.TEMPLATE), size=1) as pool:
        with pytest.raises(SearchUnavailableError):
            await fetch(pool, "SELECT pg_sleep(30)", (), seconds=0.3)

        assert await fetch(pool, "SELECT 1", (), seconds=2) == [(1,)]

        async def has_ended() -> bool:
            return not await fetch(pool, _SLEEPING, (), seconds=2)

        await until(has_ended, within=10)


@pytest.mark.parametrize("error", [RuntimeError, asyncio.CancelledError])
async def test_what_is_not_of_the_server_is_not_told_as_an_outage(
    own_postgres: Postgres, error: type[BaseException]
) -> None:
    """A mistake of ours, or a caller who left, comes out of a snapshot as what it is; the pool stays as it was."""

    async def failing() -> None:
        async with snapshot(pool, seconds=2) as fetch_there:
            await fetch_there("SELECT 1", ())
            raise error

    async with open_pool(own_postgres.url_of(servers.TEMPLATE), size=1) as pool:
        with pytest.raises(error):
            await failing()

        assert await fetch(pool, "SELECT 1", (), seconds=2) == [(1,)]


async def test_refused_statement_leaves_the_pool_as_it_was(own_postgres: Postgres) -> None:
    """A statement that PostgreSQL refuses ends its snapshot; the pool does not lend its transaction to the next."""
    async with open_pool(own_postgres.url_of(servers.TEMPLATE), size=1) as pool:
        with pytest.raises(asyncpg.DivisionByZeroError):
            async with snapshot(pool, seconds=2) as fetch_there:
                await fetch_there("SELECT 1 / 0", ())

        assert await fetch(pool, "SELECT 1", (), seconds=2) == [(1,)]
