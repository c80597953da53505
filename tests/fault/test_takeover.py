"""A projector that was stopped and comes back after another one took over: nothing of its own gets through."""

import json
from pathlib import Path

import pytest

from support.audit import audit
from support.fleet import Fleet, pause, proceed
from support.load import Load
from support.projecting import until

pytestmark = [pytest.mark.fault, pytest.mark.timeout(120)]

SLOW = {"ROLLBOOK_APPLY_DELAY_MS": "300"}
"""Most of the time goes by between the arrival of a batch and its transaction: there the stop will hit."""


async def owned_by(fleet: Fleet, pid: int) -> None:
    """Wait until a process applies every partition."""

    async def owned() -> bool:
        async with fleet.operation() as operation:
            rows = await operation.connection.fetch("SELECT owner FROM provisioning.checkpoints")
        return len(rows) > 0 and all(str(owner).endswith(f":{pid}") for (owner,) in rows)

    await until(owned, within=30)


def troubles(log: Path, after: int) -> list[str]:
    """Return what a projector was told by PostgreSQL when it wanted to go on."""
    lines = log.read_text(encoding="utf-8")[after:].splitlines()
    found = [json.loads(line) for line in lines if line.startswith("{")]
    return [line["reason"] for line in found if line["event"] in {"overtaken", "interrupted"}]


async def test_a_projector_that_comes_back_from_a_pause_is_refused(fleet: Fleet) -> None:
    """Stopped with batches in hand, overtaken and continued, it changes nothing, and each change is there once."""
    tenants = [await fleet.new_tenant() for _ in range(2)]
    load = Load([fleet.everywhere(tenant) for tenant in tenants], seed="takeover")
    await fleet.remove_projector(fleet.projectors[0])
    sleeper = await fleet.add_projector(**SLOW)
    await owned_by(fleet, sleeper.pid)
    async with load.running():
        await load.accepted(50)
        pause(sleeper)
        written = len(sleeper.log.read_text(encoding="utf-8"))
        successor = await fleet.add_projector()
        await owned_by(fleet, successor.pid)
        await load.accepted(50)
        proceed(sleeper)

        async def refused() -> list[str]:
            return troubles(sleeper.log, written)

        reasons = await until(refused)
        await load.accepted(50)
    await audit(fleet.settings, load.attempts)
    await owned_by(fleet, successor.pid)
    assert any("idle" in reason or "checkpoint" in reason for reason in reasons), reasons
    await fleet.remove_projector(sleeper)
