"""A tenant's name is given once, also where a creation was in doubt and arrives after it was repeated."""

import asyncio
from typing import cast

import pytest

from rollbook.control.tenants import Tenants
from rollbook.errors import CommandError
from rollbook.roots.operator import now
from rollbook_contracts.identifiers import new_id
from rollbook_contracts.settings import TenantSettings
from rollbook_gateway.log.port import EventLog, RefusedError, UnavailableError, Write
from support.product import Product


class LateLog:
    """The product's log, of which the first write arrives when the test says so: its sender is told nothing."""

    def __init__(self, product: Product) -> None:
        self._log = product.log
        self.head = product.log.head
        self.last = product.log.last
        self.late: list[Write] = []

    async def append(self, write: Write, *, deadline: float) -> int:
        if not self.late:
            self.late.append(write)
            raise UnavailableError("the write was not confirmed in time")
        return await self._log.append(write, deadline=deadline)

    async def arrive(self) -> int:
        return await self._log.append(self.late[0], deadline=asyncio.get_running_loop().time() + 10)


@pytest.mark.parametrize("before_the_repeat", [False, True])
async def test_creation_in_doubt_and_its_repeat_are_one_tenant(product: Product, before_the_repeat: bool) -> None:
    """Whichever of the two comes first is the tenant; the other is refused, whatever settings it had."""
    name = f"twice-{before_the_repeat}".lower()
    log = LateLog(product)
    tenants = Tenants(cast("EventLog", log), product.database, partitions=product.partitions, new_id=new_id, now=now)
    with pytest.raises(UnavailableError):
        await tenants.create(name, TenantSettings(regions=("EMEA",)))

    if before_the_repeat:
        await log.arrive()
        with pytest.raises(CommandError, match="already"):
            await tenants.create(name, TenantSettings())
    else:
        await tenants.create(name, TenantSettings())
        with pytest.raises(RefusedError):
            await log.arrive()

    rows = [row for row in await tenants.all() if row.name == name]
    assert [row.settings.regions for row in rows] == [("EMEA",) if before_the_repeat else ()]


async def test_creation_that_arrives_during_its_repeat_is_the_tenant(product: Product) -> None:
    """The repeat looked for the name before; the guard on the tenant's first fact refuses it all the same."""
    log = LateLog(product)
    tenants = Tenants(cast("EventLog", log), product.database, partitions=product.partitions, new_id=new_id, now=now)
    with pytest.raises(UnavailableError):
        await tenants.create("meanwhile", TenantSettings(regions=("EMEA",)))
    append = log.append

    async def arrive_first(write: Write, *, deadline: float) -> int:
        await log.arrive()
        return await append(write, deadline=deadline)

    log.append = arrive_first  # type: ignore[method-assign]  # between its look and its write
    with pytest.raises(CommandError, match="already"):
        await tenants.create("meanwhile", TenantSettings())

    assert [row.settings.regions for row in await tenants.all() if row.name == "meanwhile"] == [("EMEA",)]
