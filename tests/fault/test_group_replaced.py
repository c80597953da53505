"""Processes killed while all members of a group are replaced: the group is wholly old or wholly new."""

import asyncio
import contextlib
import random
from collections.abc import Collection, Sequence
from typing import Any

import aiohttp
import msgspec
import pytest

from rollbook_contracts.streams import CHANGES
from rollbook_contracts.subjects import group_change
from rollbook_contracts.urns import GROUP
from support.fleet import Fleet
from support.people import somebody
from support.product import tenant_name
from support.projecting import connected, stored, until
from support.scim import Scim

pytestmark = [pytest.mark.fault, pytest.mark.timeout(1800)]

MANY = 100_000
PEOPLE = 3_000
CALLERS = 32
LONGEST_PUT = 3.0
_TENANT = "SELECT tenant FROM lms.tenants WHERE name = $1"


async def test_a_gateway_killed_in_the_middle_leaves_the_group_old_or_new(
    fleet: Fleet, rounds: int, chance: random.Random
) -> None:
    """100,000 members are replaced and the gateway dies at any moment: one of the two memberships stands, whole."""
    scim = await fleet.new_tenant()
    group = await new_group(scim, "Everybody")
    possible = [frozenset[str]()]
    for number in range(1, rounds + 1):
        values = [f"{number}-{member}@contoso.com" for member in range(MANY)]
        possible.append(frozenset(values))
        putting = asyncio.create_task(replaced(scim, group, values))
        await asyncio.sleep(chance.uniform(0, LONGEST_PUT))
        fleet.gateways[0].kill()
        answered = await putting
        await fleet.gateways[0].start()

        found = await members(scim, group)

        assert found in possible
        if answered:
            assert found == possible[-1]
        possible = [found]


async def test_a_projector_killed_while_it_applies_publishes_each_membership_once(
    fleet: Fleet, rounds: int, chance: random.Random
) -> None:
    """The tables show one membership or the other, and the changes lead from each to the next without repeats."""
    scim = await fleet.new_tenant()
    people = await everybody(fleet, scim)
    group = await new_group(scim, "Everybody")
    for number in range(1, rounds + 1):
        wanted = people[: PEOPLE * 2 // 3] if number % 2 else people[PEOPLE // 3 :]
        assert await replaced(scim, group, wanted)
        await asyncio.sleep(chance.uniform(0, 0.3))
        fleet.projectors[0].kill()
        before = await table(fleet, group)
        await fleet.projectors[0].start()

        assert await members(scim, group) == frozenset(wanted)
        assert before in (frozenset(), frozenset(people[: PEOPLE * 2 // 3]), frozenset(people[PEOPLE // 3 :]))
        assert await table(fleet, group) == frozenset(wanted)

    assert await published(fleet, scim, group, expected=frozenset(wanted)) == frozenset(wanted)


async def new_group(scim: Scim, name: str) -> str:
    """Create a group without members."""
    reply = await scim.post("/Groups", {"schemas": [GROUP], "displayName": name, "members": []})
    assert reply.status == 201, reply
    created: str = reply.body["id"]
    return created


async def replaced(scim: Scim, group: str, values: Sequence[str]) -> bool:
    """Send a PUT of all members; return whether it was answered, which it may only be with 200."""
    body = {"schemas": [GROUP], "displayName": "Everybody", "members": [{"value": value} for value in values]}
    try:
        reply = await scim.put(f"/Groups/{group}", body)
    except (aiohttp.ClientError, TimeoutError):
        return False
    assert reply.status == 200, reply
    return True


async def members(scim: Scim, group: str) -> frozenset[str]:
    """Read a group's members, as soon as the tables show what was accepted before."""

    async def read() -> Any:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            reply = await scim.get(f"/Groups/{group}")
            if reply.status == 200:
                return [reply.body]
            assert reply.status == 503, reply
        return None

    [body] = await until(read, within=60)
    values = [member["value"] for member in body.get("members", [])]
    assert len(values) == len(set(values))
    return frozenset(values)


async def everybody(fleet: Fleet, scim: Scim) -> list[str]:
    """Create people and return their ids."""
    numbers = iter(range(PEOPLE))
    found: list[str] = []

    async def caller() -> None:
        for number in numbers:
            created = await scim.created(somebody(number))
            found.append(created["id"])

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return sorted(found)


async def table(fleet: Fleet, group: str) -> frozenset[str]:
    """Return the linked members as the LMS reads them."""
    async with fleet.operation() as opened:
        rows = await opened.connection.fetch("SELECT user_id FROM lms.group_members WHERE group_id = $1", group)
    return frozenset(user_id for (user_id,) in rows)


async def published(fleet: Fleet, scim: Scim, group: str, *, expected: Collection[str]) -> frozenset[str]:
    """Fold the group's changes; none adds a member twice or removes one who is none, and no link is missing."""
    async with fleet.operation() as opened:
        tenant = await opened.connection.fetchval(_TENANT, tenant_name(scim))
    found: set[str] = set()
    async with connected(fleet.nats.url) as client:

        async def fold() -> bool:
            found.clear()
            previous = None
            for message in await stored(client, CHANGES, group_change(tenant, group)):
                change = msgspec.json.decode(message.body)
                assert change.get("previous") == previous
                previous = change["version"]
                ids = set(change.get("members", ()))
                if message.headers["ce-type"].startswith("group.members_added"):
                    assert not ids & found
                    found.update(ids)
                elif message.headers["ce-type"].startswith("group.members_removed"):
                    assert ids <= found
                    found.difference_update(ids)
            return found == expected

        await until(fold, within=30)
    return frozenset(found)
