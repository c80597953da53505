"""The decision loop: load, decide, append; decide again when a guard did not hold; only what it refuses is answered."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from rollbook_contracts import subjects
from rollbook_contracts.claims import ClaimKey
from rollbook_contracts.facts.codec import decode_fact
from rollbook_contracts.facts.user import UserFact
from rollbook_gateway.decide.state import AbsentUser, PresentUser, UserState, present_user, user_state
from rollbook_gateway.decide.user import Decider, Decision, Tenant
from rollbook_gateway.decide.write import assemble
from rollbook_gateway.log.port import EventLog, RefusedError, UnavailableError
from rollbook_gateway.requests.claims import learn
from rollbook_gateway.requests.recent import RecentUsers
from rollbook_gateway.requests.rules_in_force import RulesInForce
from rollbook_gateway.requests.turns import Turns
from rollbook_gateway.scim.errors import ScimError

DEADLINE_SECONDS = 5.0
"""How long a request tries to get its write stored before it is answered 503."""


@dataclass(frozen=True, slots=True)
class Written:
    """A write that is stored: the decision, its time (RFC 3339) and the sequence of the resource's fact."""

    decision: Decision
    time: str
    sequence: int


Decide = Callable[[Decider, str], Awaitable[Decision | None]]
"""Decide at a time (RFC 3339); ``None`` where nothing is to be written."""


class DecisionLoop:
    """Takes decisions about people to the log; ``now`` returns the time as RFC 3339 in UTC."""

    def __init__(self, log: EventLog, claim_key: ClaimKey, now: Callable[[], str]) -> None:
        self._log = log
        self._claim_key = claim_key
        self._now = now
        self._rules = RulesInForce(log)
        self._turns = Turns()
        self._recent = RecentUsers()

    async def load(self, tenant: Tenant, user_id: str) -> UserState:
        """Return a person's state as the leader of the log has it; raises ``UnavailableError``."""
        stored = await self._log.last(tenant.partition, subjects.user(tenant.partition, tenant.id, user_id))
        if stored is None:
            return AbsentUser(0)
        fact = decode_fact(stored.headers, stored.body)
        state = user_state(fact, sequence=stored.sequence, time=stored.headers["ce-time"])
        if isinstance(state, PresentUser):
            self._recent.remember(tenant.id, state)
        return state

    async def create(self, tenant: Tenant, request_id: str, create: Callable[[Decider, str], Decision]) -> Written:
        """Store what ``create`` decides; raises ``uniqueness`` where somebody else holds a claimed value."""

        async def decide(decider: Decider, now: str) -> Decision:
            return create(decider, now)

        written = await self._until_stored(tenant, request_id, decide)
        assert written is not None, "a creation always writes"
        return written

    async def change(
        self,
        tenant: Tenant,
        request_id: str,
        user_id: str,
        change: Callable[[Decider, UserState], Decision | None],
    ) -> tuple[UserState, Written | None]:
        """Store what ``change`` decides on a person's present state.

        Returns the state that was decided on, as the leader had it, and the write; ``None`` where nothing changed.
        """
        state: UserState = AbsentUser(0)

        async def decide(decider: Decider, _now: str) -> Decision | None:
            nonlocal state
            if (known := self._recent.get(tenant.id, user_id)) is not None:
                # Until it is stored, or else decided again on what the leader has, this person is not known.
                self._recent.forget(tenant.id, user_id)
                with suppress(ScimError):
                    if (decision := change(decider, known)) is not None:
                        return decision
            state = await self.load(tenant, user_id)
            return change(decider, state)

        async with self._turns.of((tenant.id, user_id)):
            written = await self._until_stored(tenant, request_id, decide)
        return state, written

    async def _until_stored(self, tenant: Tenant, request_id: str, decide: Decide) -> Written | None:
        clock = asyncio.get_running_loop().time
        deadline = clock() + DEADLINE_SECONDS
        digest = partial(self._claim_key.digest, tenant.id)
        released: dict[str, int] = {}
        while True:
            tenant = await self._rules.confirmed(tenant)
            now = self._now()
            decision = await decide(Decider(tenant, digest, released), now)
            if decision is None:
                return None
            write = assemble(
                decision.facts,
                partition=tenant.partition,
                tenant=tenant.id,
                request_id=request_id,
                now=now,
            )
            try:
                sequence = await self._log.append(write, deadline=deadline)
            except RefusedError as refusal:
                if clock() >= deadline:
                    raise UnavailableError("the write met others again and again until its deadline") from refusal
                await learn(self._log, tenant, refusal.subject, decision, released)
            else:
                self._remember(tenant, decision, now, sequence)
                return Written(decision, now, sequence)

    def _remember(self, tenant: Tenant, decision: Decision, now: str, sequence: int) -> None:
        planned = decision.facts[-1]
        if isinstance(planned.fact, UserFact):
            state = present_user(planned.fact, decision.document, sequence=sequence, time=now)
            self._recent.remember(tenant.id, state)
        else:
            self._recent.forget(tenant.id, planned.about)
