"""The network cuts a server of a cluster off while its stream is written and read on both sides."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from support.audit import audit
from support.cluster_fleet import ClusterFleet, running_cluster_fleet
from support.fleet import lent
from support.load import Load
from support.projecting import until
from support.witness import Witness

pytestmark = [pytest.mark.fault, pytest.mark.long, pytest.mark.timeout(3600)]

LONGEST_ANSWER = 10.0
"""Seconds; docs/guarantees.md."""


@pytest.fixture(scope="module")
async def shared_cluster_fleet() -> AsyncIterator[ClusterFleet]:
    """Run a gateway and a projector beside each of two servers of three."""
    async with running_cluster_fleet() as running:
        yield running


@pytest.fixture
async def cluster_fleet(
    shared_cluster_fleet: ClusterFleet, request: pytest.FixtureRequest
) -> AsyncIterator[ClusterFleet]:
    """Lend the fleet."""
    async with lent(shared_cluster_fleet, request.session):
        yield shared_cluster_fleet


async def test_a_leader_that_is_cut_off_tells_nobody_anything_old(
    cluster_fleet: ClusterFleet, rounds: int, chance: random.Random
) -> None:
    """No answer is stale, nothing accepted is lost, everybody hears in time; the other side applies and publishes."""
    fleet = cluster_fleet
    tenant = await fleet.new_tenant()
    gateways = fleet.everywhere(tenant)
    load = Load([gateways], seed=str(chance.random()), callers=3)
    for turn in range(rounds):
        witnesses = [Witness(gateways, 1_000_000 + turn * 10 + number, chance) for number in range(8)]
        for witness in witnesses:
            await witness.begin()
        stopping = asyncio.Event()
        async with asyncio.TaskGroup() as group, load.running():
            for witness in witnesses:
                group.create_task(witness.run(stopping))
            await load.accepted(20)
            side = await fleet.cut_off_the_owner()
            began = asyncio.get_running_loop().time()
            if turn % 10 == 0:
                await applied_across(fleet, witnesses[0], 1 - side)
                print(f"applied across after {asyncio.get_running_loop().time() - began:.1f} s")  # noqa: T201
            else:
                await asyncio.sleep(chance.uniform(2, 20))  # the length of the fault
            await fleet.heal()
            await load.accepted(20)
            stopping.set()
        wrong = [line for witness in witnesses for line in witness.wrong]
        answered = sum((Counter(witness.answered) for witness in witnesses), Counter())
        print(f"side {side}: {dict(sorted(answered.items()))}, longest {max(w.longest for w in witnesses):.1f} s")  # noqa: T201
        assert not wrong, f"{len(wrong)} answers are not so:\n" + "\n".join(wrong[:20])
        assert max(witness.longest for witness in witnesses) < LONGEST_ANSWER
        await audit(fleet.settings, load.attempts)


async def applied_across(fleet: ClusterFleet, witness: Witness, across: int) -> None:
    """Wait until the projector on the other side applies what is written there, while the cut lasts."""

    async def shown() -> bool:
        return await fleet.owner() is fleet.projectors[across] and (await witness.find(across)).status == 200

    await until(shown, within=60)
