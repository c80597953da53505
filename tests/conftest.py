"""Fixtures that every test may ask for; servers are started once for the whole run, when the first test wants them.

nats_server, postgres           the servers, for the whole run
nats_url, nats_cluster_url      JetStream without a stream, on one server and on three
database_url                    a database of its own with the newest schema
folder                          a folder that servers may enter, also where root hands them to another account
rounds                          how often a fault is repeated: `--rounds N`
outage                          for how many seconds PostgreSQL is away: `--outage N`
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from rollbook.embedded.nats_server import NatsServer
from rollbook.embedded.postgres import Postgres
from rollbook.open_files import raise_limit
from support import servers
from support.wire.checklist import print_checklist

# "small" is for `make check`, "nightly" for `make nightly`; wall time says nothing about a property on a busy machine.
settings.register_profile("default", deadline=None)
settings.register_profile("small", deadline=None, max_examples=25)
settings.register_profile("nightly", deadline=None, max_examples=5000)
settings.load_profile("default")


def pytest_configure() -> None:
    """Let the run have thousands of connections open, as callers of the product do."""
    raise_limit()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell how the wire checklist stands; here since the process that reports to people collects no tests itself."""
    print_checklist(terminalreporter)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=2, help="how often each fault is repeated (default 2)")
    parser.addoption("--outage", type=float, default=5, help="seconds that PostgreSQL is away (default 5)")


@pytest.fixture(scope="session")
def rounds(request: pytest.FixtureRequest) -> int:
    """Say how often a fault is repeated in this run."""
    return int(request.config.getoption("--rounds"))


@pytest.fixture(scope="session")
def outage(request: pytest.FixtureRequest) -> float:
    """Say for how many seconds PostgreSQL is away in this run."""
    return float(request.config.getoption("--outage"))


@pytest.fixture
def folder() -> Iterator[Path]:
    """Lend a folder that servers may enter."""
    with servers.folder_for_servers() as lent:
        yield lent


@pytest.fixture(scope="session")
async def nats_server() -> AsyncIterator[NatsServer]:
    """Run one nats-server for the whole run."""
    with servers.folder_for_servers() as lent:
        async with NatsServer(lent / "nats") as server:
            yield server


@pytest.fixture(scope="session")
async def postgres() -> AsyncIterator[Postgres]:
    """Run one PostgreSQL for the whole run, with a template that each test's database is copied from."""
    with servers.folder_for_servers() as lent:
        async with Postgres(lent / "postgres") as server:
            await servers.make_template(server)
            yield server


@pytest.fixture
async def nats_url(nats_server: NatsServer) -> AsyncIterator[str]:
    """Lend JetStream without a stream, on one server."""
    yield nats_server.url
    await servers.delete_streams(nats_server.url)


@pytest.fixture(scope="session")
async def nats_cluster() -> AsyncIterator[list[NatsServer]]:
    """Run a cluster of three nats-servers for the whole run."""
    with servers.folder_for_servers() as lent:
        async with servers.nats_cluster(lent) as members:
            yield members


@pytest.fixture
async def nats_cluster_url(nats_cluster: list[NatsServer]) -> AsyncIterator[str]:
    """Lend JetStream without a stream, on a cluster of three servers."""
    yield nats_cluster[0].url
    await servers.delete_streams(nats_cluster[0].url)


@pytest.fixture
async def database_url(postgres: Postgres) -> AsyncIterator[str]:
    """Lend a database of the newest schema and nothing in it."""
    async with servers.database(postgres) as url:
        yield url
