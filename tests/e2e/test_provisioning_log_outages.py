"""Servers that hang keep the provisioning log waiting, and nobody else."""

import asyncio
import time
from collections.abc import Awaitable

import pytest

from support.fleet import Fleet, paused
from support.people import somebody
from support.product import tenant_name
from support.scim import Reply, Scim

pytestmark = pytest.mark.timeout(180)

REQUESTS = 30
PATIENCE = 5.0
"""Seconds that the log waits for NATS itself: who waited for the log would wait as long."""


async def test_nats_that_hangs_delays_no_answer_for_the_log(fleet: Fleet) -> None:
    """What needs no fact is answered at once while NATS hangs; its entries are there when NATS is."""
    tenant = await fleet.new_tenant()
    before = await recorded(fleet, tenant)
    with paused(fleet.nats):
        slowest = max([await timed(tenant.get("/Schemas")) for _ in range(REQUESTS)])
    assert slowest < PATIENCE / 2
    await until_recorded(fleet, tenant, before + REQUESTS)


async def test_postgresql_that_hangs_delays_no_answer_for_the_log(fleet: Fleet) -> None:
    """Writes go on while PostgreSQL hangs; their entries wait in the stream."""
    tenant = await fleet.new_tenant()
    before = await recorded(fleet, tenant)
    with paused(fleet.postgres):
        slowest = max([await timed(tenant.post("/Users", somebody(number)), 201) for number in range(REQUESTS)])
    assert slowest < PATIENCE / 2
    await until_recorded(fleet, tenant, before + REQUESTS)


async def test_the_log_goes_on_when_nats_was_away(fleet: Fleet) -> None:
    """What is answered after a restart of NATS is in the table, and so is what was answered before."""
    tenant = await fleet.new_tenant()
    before = await recorded(fleet, tenant)
    await tenant.created(somebody(1))
    await fleet.nats.stop()
    await timed(tenant.get("/Schemas"))
    await fleet.nats.start()
    async with asyncio.timeout(30):
        while (await tenant.post("/Users", somebody(2))).status != 201:  # noqa: ASYNC110  # the gateway finds NATS again
            await asyncio.sleep(0.1)
    await until_recorded(fleet, tenant, before + 3)


async def timed(request: Awaitable[Reply], status: int = 200) -> float:
    """Return how long a request took; the test fails unless it was answered as expected."""
    began = time.perf_counter()
    reply = await request
    assert reply.status == status, reply
    return time.perf_counter() - began


async def recorded(fleet: Fleet, tenant: Scim) -> int:
    """Return how many entries a tenant has."""
    query = "SELECT count(*) FROM provisioning.requests JOIN control.tenants USING (tenant) WHERE name = $1"
    async with fleet.operation() as opened:
        return int(await opened.connection.fetchval(query, tenant_name(tenant)))


async def until_recorded(fleet: Fleet, tenant: Scim, count: int) -> None:
    """Wait until a tenant has so many entries, at least: those of its own making may have been on their way."""
    async with asyncio.timeout(60):
        while await recorded(fleet, tenant) < count:  # noqa: ASYNC110  # another process's table
            await asyncio.sleep(0.1)
