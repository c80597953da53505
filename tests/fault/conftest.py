"""One fleet for all faults that it survives; each test leaves it whole, and its logs are shown when a test fails."""

import random
import secrets
from collections.abc import AsyncIterator

import pytest

from support.fleet import Fleet, lent, running_fleet


@pytest.fixture(scope="package")
async def shared_fleet() -> AsyncIterator[Fleet]:
    """Run two gateways and one projector."""
    async with running_fleet() as running:
        yield running


@pytest.fixture
async def fleet(shared_fleet: Fleet, request: pytest.FixtureRequest) -> AsyncIterator[Fleet]:
    """Lend the fleet."""
    async with lent(shared_fleet, request.session) as fleet:
        yield fleet


@pytest.fixture
def chance() -> random.Random:
    """Lend randomness whose seed is shown when the test fails."""
    seed = secrets.token_hex(4)
    print(f"seed {seed}")  # noqa: T201  # pytest shows it below a failure
    return random.Random(seed)
