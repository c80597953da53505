"""One fact among a thousand people that PostgreSQL refuses: the others arrive, it follows when the cause is mended."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from support.audit import audit, settled
from support.fleet import Finished, Fleet
from support.people import somebody
from support.product import tenant_name
from support.scim import Scim

pytestmark = [pytest.mark.fault, pytest.mark.timeout(180)]

PEOPLE = 1000
POISONED = 500
USER_NAME = f"p{POISONED}@contoso.com"

POISON = f"""
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'poisoned' USING ERRCODE = 'data_exception'; END $$;
CREATE TRIGGER poison BEFORE INSERT ON lms.users FOR EACH ROW WHEN (NEW.user_name = '{USER_NAME}')
EXECUTE FUNCTION refuse()"""
MEND = "DROP FUNCTION IF EXISTS refuse CASCADE"


@pytest.fixture
async def poison(fleet: Fleet) -> AsyncIterator[None]:
    """Have PostgreSQL refuse one person's row, until the test ends at the latest."""
    await execute(fleet, POISON)
    yield
    await execute(fleet, MEND)


@pytest.mark.usefixtures("poison")
async def test_one_poisoned_fact_keeps_nobody_else_waiting(fleet: Fleet) -> None:
    """999 of 1,000 arrive, ``verify`` names the one, and ``parked retry`` completes it and what queued, in order."""
    tenant = await fleet.new_tenant()
    ids = await create_all(fleet, tenant)
    poisoned = ids[POISONED]
    for operation in ({"path": "title", "value": "late"}, {"path": "active", "value": False}):
        reply = await tenant.patch(f"/Users/{poisoned}", {"op": "replace", **operation})
        assert reply.status == 200, reply
    assert (await settled(fleet.settings)).parked == 3
    assert await names_of(fleet, tenant) == {f"p{number}@contoso.com" for number in ids if number != POISONED}

    verified = await fleet.rollbook("verify", "--json")
    assert (verified.status, {found["resource"] for found in lines(verified)}) == (1, {poisoned})
    listed = await fleet.rollbook("parked", "list", "--json")
    assert listed.status == 1
    parked = lines(listed)
    assert [(fact["resource"], fact["queued"]) for fact in parked] == [
        (poisoned, False),
        (poisoned, True),
        (poisoned, True),
    ]
    assert (await fleet.rollbook("status")).status == 1

    await execute(fleet, MEND)
    retried = await fleet.rollbook("parked", "retry", parked[0]["partition"], parked[0]["seq"])
    assert retried.status == 0, retried.err
    evidence = await audit(fleet.settings)
    assert len(await names_of(fleet, tenant)) == PEOPLE
    assert [change.type for change in evidence.changes if change.person == poisoned] == [
        "user.created.v1",
        "user.updated.v1",
        "user.deactivated.v1",
    ]
    assert (await fleet.rollbook("verify")).status == 0


async def create_all(fleet: Fleet, tenant: Scim) -> dict[int, str]:
    """Create the people with 16 callers at both gateways; return their ids."""
    numbers = iter(range(PEOPLE))
    ids: dict[int, str] = {}

    async def call(client: Scim) -> None:
        for number in numbers:
            ids[number] = (await client.created(somebody(number)))["id"]

    await asyncio.gather(*(call(fleet.at(tenant, caller % 2)) for caller in range(16)))
    return ids


async def names_of(fleet: Fleet, tenant: Scim) -> set[str]:
    """Return the userNames in the table."""
    finished = await fleet.rollbook("users", "--tenant", tenant_name(tenant), "--json")
    assert finished.status == 0, finished.err
    return {row["user_name"] for row in lines(finished)}


async def execute(fleet: Fleet, statements: str) -> None:
    async with fleet.operation() as operation:
        await operation.connection.execute(statements)


def lines(finished: Finished) -> list[dict[str, Any]]:
    return [json.loads(line) for line in finished.out.splitlines()]
