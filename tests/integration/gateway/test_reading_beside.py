"""Large bodies in the processes beside a gateway: organizations take turns there."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from rollbook_gateway.intake.bodies import PROCESSES, Bodies
from rollbook_gateway.requests.body_turns import BodyTurns


@pytest.fixture
async def bodies() -> AsyncIterator[Bodies]:
    lent = Bodies(BodyTurns(PROCESSES).of, read_at_once=0)
    yield lent
    await lent.close()


def group(members: int) -> list[bytes]:
    return [msgspec.json.encode({"displayName": "x", "members": [{"value": str(n)} for n in range(members)]})]


async def test_one_organizations_bodies_keep_no_other_waiting(bodies: Bodies) -> None:
    """Of six slow bodies one is read at a time: what comes after them from two others is read before the third."""
    order: list[str] = []

    async def read(organization: str, members: int) -> None:
        await bodies.group(organization, group(members), [])
        order.append(organization)

    await asyncio.gather(read("first", 1), read("second", 1))  # both processes run now
    crowd = [asyncio.create_task(read("crowd", 100_000)) for _ in range(6)]
    await asyncio.sleep(0)
    await asyncio.gather(read("lone", 1), read("other", 1))
    await asyncio.gather(*crowd)
    assert order.index("lone") <= 4
    assert order.index("other") <= 5
    assert order.count("crowd") == 6


async def test_who_stops_waiting_keeps_nobody_out(bodies: Bodies) -> None:
    """A cancelled request, waiting or being read, leaves its turn and a process that answers the next one."""
    tasks = [asyncio.create_task(bodies.group("a", group(20_000), [])) for _ in range(3)]
    tasks.append(asyncio.create_task(bodies.group("b", group(20_000), [])))
    await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    read = await asyncio.gather(*(bodies.group(name, group(3), []) for name in "abc"))
    assert [sent.membership.replaced for sent in read] == [(("0", "1", "2"),)] * 3
