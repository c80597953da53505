"""Two tenants with the same people in one partition of the log: nothing of one is ever seen or touched in the other."""

import asyncio
from collections import Counter, defaultdict
from typing import Any

import pytest

from rollbook_contracts.partitions import partition_of
from support.audit import audit
from support.fleet import Fleet
from support.people import somebody
from support.product import tenant_name
from support.scim import PATCH_OP, Scim

pytestmark = pytest.mark.timeout(600)

CALLERS = 16
WRITES_PER_PERSON = 4


async def tenants_of_one_partition(fleet: Fleet) -> list[tuple[Scim, str]]:
    """Create tenants until two share a partition; return a client and the id of both."""
    found: dict[int, list[tuple[Scim, str]]] = defaultdict(list)
    while True:
        client = await fleet.new_tenant()
        async with fleet.operation() as operation:
            tenant = (await operation.tenants().get(tenant_name(client))).tenant
            partition = partition_of(tenant, operation.partitions)
        found[partition].append((client, tenant))
        if len(found[partition]) == 2:
            return found[partition]


async def write(clients: list[Scim], label: str, first: int, writes: int) -> list[str]:
    """Create people and change each three times; every value says whose it is. Returns the ids."""
    ids: list[str] = []
    for number in range(writes):
        client = clients[number % len(clients)]
        marked = {"displayName": f"{label} {first + number}"}
        if number % WRITES_PER_PERSON == 0:
            ids.append((await client.created(somebody(first + number, **marked)))["id"])
        else:
            reply = await client.patch(f"/Users/{ids[-1]}", {"op": "replace", "value": marked})
            assert reply.status == 200, reply
    return ids


@pytest.mark.parametrize("writes", [100, pytest.param(1000, marks=pytest.mark.nightly)])
async def test_tenants_with_equal_people_stay_apart(fleet: Fleet, writes: int) -> None:
    """16 callers write the same names and external ids to both: every fact, row and change is in its own tenant."""
    tenants = await tenants_of_one_partition(fleet)
    ids: dict[str, set[str]] = {tenant: set() for _, tenant in tenants}

    async def call(caller: int) -> None:
        client, tenant = tenants[caller % 2]
        ids[tenant].update(await write(fleet.everywhere(client), tenant, caller // 2 * 100_000, writes))

    await asyncio.gather(*(call(caller) for caller in range(CALLERS)))
    evidence = await audit(fleet.settings)
    for _, tenant in tenants:
        facts = [fact for fact in evidence.fold.facts if fact.tenant == tenant]
        rows = [row for row in evidence.rows if row["tenant"] == tenant]
        changes = [change for change in evidence.changes if change.tenant == tenant]
        assert (len(facts), len(rows), len(changes)) == (CALLERS // 2 * writes, len(ids[tenant]), len(facts))
        assert {fact.person for fact in facts} == {row["id"] for row in rows} == ids[tenant]
        assert {change.person for change in changes} == ids[tenant]
        assert {str(fact.marker).split()[0] for fact in facts} == {tenant}
        assert {row["display_name"].split()[0] for row in rows} == {tenant}
    (one, of_one), (other, of_other) = tenants
    await assert_strangers(one, ids[of_other], other)
    await assert_strangers(other, ids[of_one], one)


async def assert_strangers(tenant: Scim, ids: set[str], other: Scim) -> None:
    """Each id of the other tenant names nobody here, and the other's token opens nothing."""
    statuses: Counter[int] = Counter()
    waiting = iter(ids)
    change = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "value": {"title": "stolen"}}]}
    other_token = {"Authorization": f"Bearer {other.token}"}

    async def call() -> None:
        for user_id in waiting:
            path = f"/Users/{user_id}"
            bodies: dict[str, Any] = {"GET": None, "PUT": somebody(1), "PATCH": change, "DELETE": None}
            for method, body in bodies.items():
                statuses[(await tenant.send(method, path, body)).status] += 1
            assert await tenant.find(f'id eq "{user_id}"') == []
            assert (await tenant.send("GET", path, headers=other_token)).status == 401

    await asyncio.gather(*(call() for _ in range(CALLERS)))
    assert statuses == {404: 4 * len(ids)}
