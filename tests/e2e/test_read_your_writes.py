"""Read your writes over two gateway processes: what was answered is seen at once, or the answer is 503."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest

from support.fleet import Fleet
from support.people import somebody
from support.scim import Reply, Scim

pytestmark = pytest.mark.timeout(300)

CALLERS = 16
STOPPED = 20


@dataclass(slots=True)
class Organization:
    """A tenant whose only caller knows what there is to be seen, and how often it was."""

    gateways: Sequence[Scim]
    chance: random.Random
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: int = 0
    unavailable: int = 0
    with_groups: int = 0
    without_groups: int = 0

    async def go_round(self, number: int) -> None:
        """Write at one gateway, then filter, list and get at the other."""
        writer, reader = self.chance.sample(self.gateways, 2)
        user_id, user_name = await self._write(writer, number)
        condition = quote(f'userName eq "{user_name.upper()}"')
        found, listed, whole, got = await asyncio.gather(
            reader.get(f"/Users?filter={condition}"),
            reader.get("/Users?count=200"),
            reader.get(f"/Users/{user_id}"),
            reader.get(f"/Users/{user_id}?excludedAttributes=groups"),
        )
        expected = self.people.get(user_id)
        self._check_list(found, [expected] if expected else [])
        self._check_list(listed, [self.people[known] for known in sorted(self.people)])
        if expected is None:
            assert (got.status, whole.status) == (404, 404), (got, whole)
        else:
            assert (got.status, without_location(got.body)) == (200, expected)
            self._check_with_groups(whole, expected)

    async def _write(self, writer: Scim, number: int) -> tuple[str, str]:
        """Create, change or delete somebody; return the id, and the userName to look for."""
        draw = self.chance.random()
        if not self.people or (draw < 0.3 and len(self.people) < 100):
            reply = await writer.post("/Users", somebody(number))
            assert reply.status == 201, reply
        else:
            user_id = self.chance.choice(list(self.people))
            if draw < 0.4:
                reply = await writer.delete(f"/Users/{user_id}")
                assert reply.status == 204, reply
                return user_id, self.people.pop(user_id)["userName"]
            values: dict[str, Any] = {"displayName": f"round {number}"}
            if draw < 0.6:
                values["userName"] = f"renamed{number}@contoso.com"
            reply = await writer.patch(f"/Users/{user_id}", {"op": "replace", "value": values})
            assert reply.status == 200, reply
        person = without_location(reply.body)
        self.people[person["id"]] = person
        return person["id"], person["userName"]

    def _check_with_groups(self, reply: Reply, expected: dict[str, Any]) -> None:
        if reply.status == 503:
            assert reply.headers["Retry-After"].isdecimal()
            self.without_groups += 1
            return
        assert (reply.status, without_location(reply.body)) == (200, expected)
        self.with_groups += 1

    def _check_list(self, reply: Reply, expected: list[dict[str, Any]]) -> None:
        if reply.status == 503:
            assert reply.headers["Retry-After"].isdecimal()
            self.unavailable += 1
            return
        assert reply.status == 200, reply
        assert [without_location(found) for found in reply.body["Resources"]] == expected
        assert reply.body["totalResults"] == len(expected)
        self.seen += 1


def without_location(person: dict[str, Any]) -> dict[str, Any]:
    """Return a person without the address, in which each gateway writes its own."""
    return {**person, "meta": {name: value for name, value in person["meta"].items() if name != "location"}}


async def organizations(fleet: Fleet) -> list[Organization]:
    """Create one tenant for each caller."""
    return [
        Organization(fleet.everywhere(await fleet.new_tenant()), random.Random(number)) for number in range(CALLERS)
    ]


async def go_rounds(found: Sequence[Organization], rounds: range) -> None:
    """Share rounds out among all callers at once."""
    numbers = iter(rounds)

    async def call(organization: Organization) -> None:
        for number in numbers:
            await organization.go_round(number)

    async with asyncio.TaskGroup() as group:
        for organization in found:
            group.create_task(call(organization))


@pytest.fixture
async def lagging_fleet(fleet: Fleet) -> AsyncIterator[Fleet]:
    """Lend the fleet with a projector that lags by 200 ms."""
    await fleet.remove_projector(fleet.projectors[0])
    await fleet.add_projector(ROLLBOOK_APPLY_DELAY_MS="200")
    yield fleet
    await fleet.remove_projector(fleet.projectors[0])
    await fleet.add_projector()


@pytest.mark.parametrize("rounds", [200, pytest.param(1000, marks=pytest.mark.nightly)])
async def test_a_write_at_one_gateway_is_seen_at_the_other(lagging_fleet: Fleet, rounds: int) -> None:
    """Behind a projector that lags, searches show exactly what was written, or answer 503; mostly the former."""
    found = await organizations(lagging_fleet)
    await go_rounds(found, range(rounds))
    seen, unavailable = sum(one.seen for one in found), sum(one.unavailable for one in found)
    assert seen + unavailable == 2 * rounds
    assert seen > unavailable
    assert sum(one.with_groups for one in found) > sum(one.without_groups for one in found)


async def test_without_a_projector_searches_are_refused(fleet: Fleet) -> None:
    """20 rounds with the projector stopped: persons by id are right, no search answers, nor groups; later all do."""
    found = await organizations(fleet)
    await fleet.projectors[0].stop()
    await go_rounds(found, range(STOPPED))
    assert (sum(one.seen for one in found), sum(one.unavailable for one in found)) == (0, 2 * STOPPED)
    assert sum(one.with_groups for one in found) == 0
    refused = sum(one.without_groups for one in found)
    await fleet.projectors[0].start()
    await go_rounds(found, range(STOPPED, STOPPED + CALLERS))
    assert sum(one.seen for one in found) == 2 * CALLERS
    assert sum(one.without_groups for one in found) == refused > 0
