"""The command that changes a unique identifier is killed: the gateways finish what it began, and no value is shared."""

import asyncio
import itertools
import random
import sys
from typing import Any

import msgspec
import pytest

from rollbook_contracts.settings import TenantSettings
from rollbook_contracts.urns import ENTERPRISE
from support.fleet import Fleet, running_fleet
from support.people import somebody
from support.product import tenant_name
from support.scim import Scim

# Gateways look for half-done changes every 30 s, so each round takes a minute: `make nightly` runs it.
pytestmark = [pytest.mark.fault, pytest.mark.nightly, pytest.mark.timeout(3600)]

LONGEST = 25.0
"""Seconds within which the command is killed; undisturbed it takes about that long."""
OTHER = {"email": "employee-id", "employee-id": "email"}


def numbered(number: int, **attributes: Any) -> dict[str, Any]:
    return somebody(number, **{ENTERPRISE: {"employeeNumber": f"E{number}"}, **attributes})


async def test_a_change_whose_command_is_killed_is_finished(rounds: int, chance: random.Random) -> None:
    """Killed at any moment while gateways write: the change is finished or was never begun, `verify` finds nothing."""
    async with running_fleet() as fleet:
        scim = await fleet.new_tenant()
        numbers = itertools.count()
        for _ in range(200):
            await scim.created(numbered(next(numbers)))
        for _ in range(rounds):
            done = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                for gateway in fleet.everywhere(scim):
                    group.create_task(write(gateway, numbers, done))
                try:
                    wanted = OTHER[(await settings_of(fleet, scim)).unique_identifier]
                    await killed(fleet, scim, wanted, after=chance.uniform(1.0, LONGEST))
                    await settled(fleet, scim)
                finally:
                    done.set()
            verified = await fleet.rollbook("verify")
            assert verified.status == 0, verified.out + verified.err
            assert await shared_values(fleet, scim) == []


async def write(scim: Scim, numbers: "itertools.count[int]", done: asyncio.Event) -> None:
    """Create people, and twins of each by either identifier, of whom one or the other is refused."""
    while not done.is_set():
        number = next(numbers)
        await scim.created(numbered(number))
        by_address = numbered(number, userName=f"a{number}", **{ENTERPRISE: {"employeeNumber": f"X{number}"}})
        by_number = numbered(number, userName=f"n{number}", emails=None)
        statuses = [(await scim.post("/Users", twin)).status for twin in (by_address, by_number)]
        assert 409 in statuses, statuses
        for twin in ("a", "n"):
            for user in await scim.find(f'userName eq "{twin}{number}"'):
                assert (await scim.delete(f"/Users/{user['id']}")).status == 204
        await asyncio.sleep(0.1)


async def killed(fleet: Fleet, scim: Scim, wanted: str, *, after: float) -> None:
    """Start the command and kill it, unless it has ended before; where twins of the moment are in its way, again."""
    command = ("tenant", "set", tenant_name(scim), "--unique-identifier", wanted)
    refused = 1
    while refused:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "rollbook", *command),
            env=fleet.environ,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            refused = await asyncio.wait_for(process.wait(), after)
        except TimeoutError:
            process.kill()
            await process.wait()
            return


async def settings_of(fleet: Fleet, scim: Scim) -> TenantSettings:
    async with fleet.operation() as operation:
        text = await operation.connection.fetchval(
            "SELECT settings FROM control.tenants WHERE name = $1", tenant_name(scim)
        )
    return msgspec.json.decode(text, type=TenantSettings)


async def settled(fleet: Fleet, scim: Scim) -> None:
    """Wait until no step of a change is left."""
    async with asyncio.timeout(150):
        found = await settings_of(fleet, scim)
        while len(found.claimed_identifiers) > 1 or found.former_unique_identifier:
            await asyncio.sleep(0.2)
            found = await settings_of(fleet, scim)


async def shared_values(fleet: Fleet, scim: Scim) -> list[str]:
    """Return the values of the identifier in force that two people have."""
    column = "email_folded" if (await settings_of(fleet, scim)).unique_identifier == "email" else "employee_id"
    async with fleet.operation() as operation:
        rows = await operation.connection.fetch(
            f"SELECT {column} FROM lms.users JOIN lms.tenants USING (tenant) "
            f"WHERE tenants.name = $1 GROUP BY {column} HAVING count(*) > 1 AND {column} IS NOT NULL",
            tenant_name(scim),
        )
    return [value for (value,) in rows]
