"""The organization's rules as the log's leader has them; the decision loop asks before it decides on a write.

Admission believes PostgreSQL's copy of the rules for longer, while it cannot be asked for an hour. Uniqueness must not
rest on that: who changes the unique identifier waits until no gateway can decide by the old rules any more.
"""

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from rollbook_contracts import subjects
from rollbook_contracts.facts.codec import decode_fact
from rollbook_contracts.facts.tenant import TenantFact
from rollbook_gateway.decide.user import Tenant
from rollbook_gateway.log.port import EventLog

CONFIRMED_SECONDS: Final = 3.0
"""How long the leader's answer is decided by; counted from before it was asked."""


@dataclass(frozen=True, slots=True)
class _Confirmed:
    tenant: Tenant
    asked_at: float


class RulesInForce:
    """Reads a tenant's last fact from the leader, once for all who ask within ``CONFIRMED_SECONDS``."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._confirmed: dict[str, _Confirmed] = {}
        self._asking: dict[str, asyncio.Task[_Confirmed]] = {}

    async def confirmed(self, tenant: Tenant) -> Tenant:
        """Return the tenant with the newest rules known; raises ``UnavailableError`` where they cannot be confirmed."""
        known = self._confirmed.get(tenant.id)
        if known is None or asyncio.get_running_loop().time() - known.asked_at > CONFIRMED_SECONDS:
            known = await self._ask_shared(tenant)
        # Who was admitted after an announcement may know newer ones.
        return known.tenant if known.tenant.settings_sequence >= tenant.settings_sequence else tenant

    async def _ask_shared(self, tenant: Tenant) -> _Confirmed:
        task = self._asking.get(tenant.id)
        if task is None:
            task = self._asking[tenant.id] = asyncio.create_task(self._ask(tenant))
            task.add_done_callback(partial(self._asked, tenant.id))
        return await asyncio.shield(task)

    def _asked(self, tenant_id: str, task: asyncio.Task[_Confirmed]) -> None:
        del self._asking[tenant_id]
        if not task.cancelled() and task.exception() is None:
            self._confirmed[tenant_id] = task.result()

    async def _ask(self, tenant: Tenant) -> _Confirmed:
        asked_at = asyncio.get_running_loop().time()
        stored = await self._log.last(tenant.partition, subjects.tenant_facts(tenant.partition, tenant.id))
        if stored is None:  # a tenant that the log does not know decides by what admitted it
            return _Confirmed(tenant, asked_at)
        fact = decode_fact(stored.headers, stored.body)
        assert isinstance(fact, TenantFact), "only tenant facts stand on a tenant's subject"
        return _Confirmed(replace(tenant, settings=fact.settings, settings_sequence=stored.sequence), asked_at)
