"""The product for end-to-end tests: once for all tests of this folder, each with tenants of its own."""

from collections.abc import AsyncIterator

import pytest

from rollbook.embedded.nats_server import NatsServer
from rollbook.embedded.postgres import Postgres
from support import servers
from support.fleet import Fleet, lent, running_fleet
from support.product import Product, running_product


@pytest.fixture(scope="session")
async def product() -> AsyncIterator[Product]:
    """Run the product with two gateways on servers of its own."""
    with servers.folder_for_servers() as folder:
        async with (
            NatsServer(folder / "nats") as nats,
            Postgres(folder / "postgres") as postgres,
            running_product(nats.url, postgres.url, gateways=2) as running,
        ):
            yield running


@pytest.fixture(scope="package")
async def shared_fleet() -> AsyncIterator[Fleet]:
    """Run the product as processes: two gateways and one projector."""
    async with running_fleet() as running:
        yield running


@pytest.fixture
async def fleet(shared_fleet: Fleet, request: pytest.FixtureRequest) -> AsyncIterator[Fleet]:
    """Lend the fleet."""
    async with lent(shared_fleet, request.session) as fleet:
        yield fleet
