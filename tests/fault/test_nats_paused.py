"""nats-server paused in the middle of appends: nobody is told a lie, and a repeat leaves one person."""

import asyncio
import random

import pytest

from support.audit import audit
from support.fleet import Fleet, paused
from support.people import somebody
from support.scim import Reply, Scim

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600)]


async def test_a_creation_in_doubt_is_answered_503_and_can_be_repeated(
    fleet: Fleet, rounds: int, chance: random.Random
) -> None:
    """Paused while creations are on their way: 201, or 503 with whole seconds; a repeat is 201 or 409, one person."""
    tenant = await fleet.new_tenant()
    for turn in range(rounds):
        people = [somebody(turn * 100 + number) for number in range(24)]
        sent = [
            asyncio.create_task(fleet.at(tenant, number % 2).post("/Users", body)) for number, body in enumerate(people)
        ]
        await asyncio.sleep(chance.random() * 0.05)  # the moment of the fault
        with paused(fleet.nats):
            doubtful = asyncio.create_task(tenant.post("/Users", somebody(turn * 100 + 50)))
            replies = [*await asyncio.gather(*sent), await doubtful]
        people.append(somebody(turn * 100 + 50))
        assert replies[-1].status == 503, replies[-1]
        for reply in replies:
            assert_accepted_or_in_doubt(reply)
        repeats = await asyncio.gather(*(tenant.post("/Users", body) for body in people))
        for first, repeat in zip(replies, repeats, strict=True):
            assert repeat.status == 409 if first.status == 201 else repeat.status in {201, 409}, (first, repeat)
        await assert_all_there_once(tenant, people)
    await audit(fleet.settings)


async def test_reads_of_a_person_wait_for_no_one(fleet: Fleet) -> None:
    """While the log does not answer, GET and the filter are 503 with whole seconds, and right again afterwards."""
    tenant = await fleet.new_tenant()
    created = await tenant.created(somebody(1))
    with paused(fleet.nats):
        by_id, found = await asyncio.gather(tenant.get(f"/Users/{created['id']}"), tenant.get("/Users"))
    for reply in (by_id, found):
        assert reply.status == 503
        assert reply.headers["Retry-After"].isdecimal()
    assert (await tenant.get(f"/Users/{created['id']}")).body == created


def assert_accepted_or_in_doubt(reply: Reply) -> None:
    assert reply.status in {201, 503}, reply
    if reply.status == 503:
        assert reply.headers["Retry-After"].isdecimal()


async def assert_all_there_once(tenant: Scim, people: list[dict[str, str]]) -> None:
    for person in people:
        found = await tenant.find(f'userName eq "{person["userName"]}"')
        assert len(found) == 1, found
