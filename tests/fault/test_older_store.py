"""The store of NATS replaced by an older copy of itself: the projector stands still and says why."""

import asyncio
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import asyncpg
import pytest

from rollbook_contracts.partitions import partition_of
from support.audit import audit
from support.fleet import Fleet, running_fleet
from support.people import somebody
from support.product import tenant_name
from support.projecting import until
from support.scim import Scim

pytestmark = [pytest.mark.fault, pytest.mark.timeout(180)]


async def test_an_older_log_halts_the_projector_and_changes_no_row() -> None:
    """``status`` says log_regressed, exit status 1; no row changes, whatever is written on top of the older log."""
    async with running_fleet(gateways=1) as fleet:
        tenant = await fleet.new_tenant()
        await tenant.created(somebody(1))
        await audit(fleet.settings)
        partition = await partition_of_tenant(fleet, tenant)
        store, older = fleet.folder / "nats" / "store", fleet.folder / "older"
        await fleet.nats.stop()
        await copy(store, older)
        await fleet.nats.start()
        await create(tenant, range(2, 12))
        await audit(fleet.settings)
        rows = await stored_rows(fleet)

        await fleet.nats.stop()
        shutil.rmtree(store)
        older.rename(store)
        await fleet.nats.start()
        await until(lambda: stands_still(fleet, partition))
        assert await stored_rows(fleet) == rows

        await tenant.post("/Users", somebody(12))
        await create_or_be_refused(tenant, range(20, 40))
        await fleet.projectors[0].stop()
        await fleet.projectors[0].start()
        await until(lambda: stands_still(fleet, partition))
        assert await stored_rows(fleet) == rows


async def stands_still(fleet: Fleet, partition: int) -> bool:
    """Whether `rollbook status` names the partition as one whose log regressed, as a finding."""
    finished = await fleet.rollbook("status", "--json")
    lines = [json.loads(line) for line in finished.out.splitlines()]
    halted = {line["partition"]: line["halted"] for line in lines if "halted" in line}
    if not str(halted.get(partition)).startswith("log_regressed"):
        return False
    assert finished.status == 1
    assert "log_regressed" in finished.err
    return True


async def stored_rows(fleet: Fleet) -> list[asyncpg.Record]:
    async with fleet.operation() as operation:
        rows: list[asyncpg.Record] = await operation.connection.fetch("SELECT * FROM lms.users ORDER BY id")
        return rows


async def partition_of_tenant(fleet: Fleet, tenant: Scim) -> int:
    async with fleet.operation() as operation:
        row = await operation.tenants().get(tenant_name(tenant))
        return partition_of(row.tenant, operation.partitions)


async def create(tenant: Scim, numbers: Iterable[int]) -> None:
    for number in numbers:
        await tenant.created(somebody(number))


async def create_or_be_refused(tenant: Scim, numbers: Iterable[int]) -> None:
    """Write more than was lost, so that the log has the sequence of the checkpoint again."""
    for number in numbers:
        assert (await tenant.post("/Users", somebody(number))).status in {201, 503}


async def copy(source: Path, target: Path) -> None:
    """Copy a folder with its owners and modes, as a backup does."""
    process = await asyncio.create_subprocess_exec("cp", "-a", str(source), str(target))
    assert await process.wait() == 0
