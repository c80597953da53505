"""The rules that decisions are taken by: never older than a moment, asked once for all."""

import asyncio
from typing import Any

import pytest

from rollbook_contracts import subjects
from rollbook_contracts.facts.tenant import TenantFact, TenantSettingsChanged
from rollbook_contracts.settings import TenantSettings
from rollbook_gateway.decide.user import PlannedFact, Tenant
from rollbook_gateway.decide.write import assemble
from rollbook_gateway.log.memory import MemoryEventLog
from rollbook_gateway.log.port import Stored, UnavailableError
from rollbook_gateway.requests import rules_in_force
from rollbook_gateway.requests.rules_in_force import RulesInForce

ID = "ten_0000000000000000000000000a"
SUBJECT = subjects.tenant_facts(0, ID)
ADMITTED = Tenant(ID, "acme", 0, TenantSettings(), settings_sequence=1)


class CountingLog(MemoryEventLog):
    """Counts how often it is asked for a last message."""

    asked = 0

    async def last(self, partition: int, subject: str) -> Stored | None:
        self.asked += 1
        return await super().last(partition, subject)


async def changed(log: MemoryEventLog, expected: int, **settings: Any) -> Tenant:
    """Have the rules changed; return the tenant with them."""
    fact: TenantFact = TenantSettingsChanged(ID, "acme", enabled=True, settings=TenantSettings(**settings))
    planned = PlannedFact(SUBJECT, ID, fact, expected)  # type: ignore[arg-type]  # its subclasses are all facts
    write = assemble([planned], partition=0, tenant=ID, request_id=f"req{expected}", now="2026-11-24T08:00:00.000000Z")
    sequence = await log.append(write, deadline=0)
    return Tenant(ID, "acme", 0, fact.settings, settings_sequence=sequence)


async def test_rules_are_the_logs_and_not_those_that_admitted() -> None:
    """What PostgreSQL's copy says does not count, where the log has newer rules."""
    log = MemoryEventLog(1)
    await changed(log, 0)
    newer = await changed(log, 1, next_unique_identifier="employee-id")

    assert await RulesInForce(log).confirmed(ADMITTED) == newer


async def test_many_decisions_ask_once() -> None:
    """A burst of requests is one question to the leader."""
    log = CountingLog(1)
    await changed(log, 0)
    rules = RulesInForce(log)

    await asyncio.gather(*(rules.confirmed(ADMITTED) for _ in range(50)))
    await rules.confirmed(ADMITTED)

    assert log.asked == 1


async def test_old_rules_are_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that hears of nothing decides by new rules as soon as its confirmation is old."""
    monkeypatch.setattr(rules_in_force, "CONFIRMED_SECONDS", 0.01)
    log = MemoryEventLog(1)
    await changed(log, 0)
    rules = RulesInForce(log)
    await rules.confirmed(ADMITTED)
    newer = await changed(log, 1, regions=("EMEA",))
    await asyncio.sleep(0.02)

    assert await rules.confirmed(ADMITTED) == newer


async def test_an_announcement_counts_at_once() -> None:
    """Newer rules that admission knows of are decided by before the confirmation is old."""
    log = MemoryEventLog(1)
    await changed(log, 0)
    rules = RulesInForce(log)
    await rules.confirmed(ADMITTED)
    newer = await changed(log, 1, regions=("EMEA",))

    assert await rules.confirmed(newer) == newer


async def test_nothing_is_decided_by_rules_that_cannot_be_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the log does not answer a decision waits, and is given up: it could not be stored either."""
    monkeypatch.setattr(rules_in_force, "CONFIRMED_SECONDS", -1.0)
    log = MemoryEventLog(1)
    await changed(log, 0)
    rules = RulesInForce(log)
    await rules.confirmed(ADMITTED)
    log.available = False

    with pytest.raises(UnavailableError):
        await rules.confirmed(ADMITTED)
    log.available = True
    assert await rules.confirmed(ADMITTED) == ADMITTED
