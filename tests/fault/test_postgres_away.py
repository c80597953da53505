"""PostgreSQL hangs or is gone for a while: writes go on, searches say when to come back, the tables catch up."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from support.audit import audit
from support.fleet import Fleet, paused
from support.load import Load
from support.people import somebody

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]


@asynccontextmanager
async def hanging(fleet: Fleet) -> AsyncIterator[None]:
    """Pause PostgreSQL with all its sessions."""
    with paused(fleet.postgres):
        yield


@asynccontextmanager
async def shut_down(fleet: Fleet) -> AsyncIterator[None]:
    """Shut PostgreSQL down as its operator does, and start it again."""
    await fleet.postgres.stop()
    yield
    await fleet.postgres.start()


@pytest.mark.parametrize("away", [hanging, shut_down])
async def test_provisioning_goes_on_without_postgresql(
    fleet: Fleet, away: Callable[[Fleet], AbstractAsyncContextManager[None]], outage: float
) -> None:
    """Every write is answered as ever, and so is what was stored; groups and filters are 503 with whole seconds."""
    tenants = [await fleet.new_tenant() for _ in range(2)]
    person = await tenants[0].created(somebody(1_000_000))
    load = Load([fleet.everywhere(tenant) for tenant in tenants], seed="away", callers=4)
    async with load.running():
        await load.accepted(20)
        async with away(fleet):
            ends = time.monotonic() + outage
            while time.monotonic() < ends:
                by_id = await tenants[0].get(f"/Users/{person['id']}?excludedAttributes=groups")
                assert (by_id.status, by_id.body) == (200, person)
                refused = await asyncio.gather(
                    tenants[0].get(f"/Users/{person['id']}"),
                    tenants[0].get('/Users?filter=userName+eq+"x"'),
                    tenants[0].get("/Groups"),
                )
                for reply in refused:
                    assert (reply.status, reply.headers["Retry-After"].isdecimal()) == (503, True), reply
            await load.accepted(20)
    assert [attempt for attempt in load.attempts if attempt.in_doubt] == []
    await audit(fleet.settings, load.attempts)
