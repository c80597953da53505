"""Every process killed with SIGKILL at random moments under load: nothing that was answered with 2xx is lost."""

import random

import pytest

from support.audit import audit
from support.fleet import Fleet
from support.load import Load

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]

AUDITED = 5
"""So many rounds go by between two audits: the log that they read grows with each."""


@pytest.mark.parametrize("victim", ["gateway", "projector", "nats-server", "postgres"])
async def test_nothing_accepted_is_lost_when_a_process_is_killed(
    fleet: Fleet, victim: str, rounds: int, chance: random.Random
) -> None:
    """After kills and restarts, answers, log, rows and changes agree, and each change was published once."""
    tenants = [await fleet.new_tenant() for _ in range(2)]
    load = Load([fleet.everywhere(tenant) for tenant in tenants], seed=str(chance.random()))
    for number in range(1, rounds + 1):
        async with load.running():
            await load.accepted(chance.randint(30, 200))
            child = chance.choice([child for child in fleet.processes if child.name.startswith(victim)])
            child.kill()
            await child.start()
            await load.accepted(20)
        if number % AUDITED == 0 or number == rounds:
            await audit(fleet.settings, load.attempts)
