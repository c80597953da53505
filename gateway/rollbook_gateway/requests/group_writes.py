"""The writes of groups: load, decide, append; decide again when a guard did not hold; called by the group requests.

Head and members have subjects of their own. Pure deltas go through the chains; whatever touches the head, or replaces
many members, is decided here, in turn with the chains of this process. A write with a condition guards both subjects.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from rollbook_contracts import subjects
from rollbook_contracts.claims import ClaimKey
from rollbook_contracts.facts.catalog import Fact
from rollbook_contracts.facts.membership import MembersAdded, MembersClosed
from rollbook_gateway.decide.group import GroupDecider
from rollbook_gateway.decide.membership import Membership, member_facts
from rollbook_gateway.decide.state import PresentGroup
from rollbook_gateway.decide.user import Decision, PlannedFact, Tenant
from rollbook_gateway.decide.write import Portion
from rollbook_gateway.log.port import EventLog, RefusedError, UnavailableError
from rollbook_gateway.provisioning_log.draft import Draft
from rollbook_gateway.requests.assembling import assembled
from rollbook_gateway.requests.chains import Chains
from rollbook_gateway.requests.claims import learn
from rollbook_gateway.requests.group_log import GroupLog, present_group
from rollbook_gateway.requests.staging import Staging, abandon, stage
from rollbook_gateway.requests.turns import Turns
from rollbook_gateway.scim.errors import ScimError
from rollbook_gateway.scim.values import Document

DEADLINE_SECONDS: Final = 5.0
"""How long a request tries to get its write stored before it is answered 503."""
MEMBERS_PER_SECOND: Final = 10_000
"""A request that names many members has a second more for each so many."""

Check = Callable[[PresentGroup], Awaitable[None]]
"""Raises where a condition of the request does not hold; asked behind the guards of head and members."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a request wants of a group beside its head; ``draft`` is told what was stored."""

    tenant: Tenant
    request_id: str
    group_id: str
    membership: Membership
    draft: Draft = field(default_factory=Draft)

    @property
    def values(self) -> int:
        pieces = [*(self.membership.replaced or ()), *(p for delta in self.membership.deltas for p in delta.pieces)]
        return sum(map(len, pieces))


@dataclass(frozen=True, slots=True)
class GroupWritten:
    """A group after a write, without its members: times are RFC 3339, sequences those of head and members."""

    document: Document
    created: str
    head_modified: str
    last_modified: str
    sequence: int
    members_sequence: int


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one attempt writes: a decision on the head, and facts of members guarded by ``guard``.

    ``conditional``: the request is right on this state alone, so that what is not written may not move either.
    """

    head: Decision | None
    members: Sequence[Fact]
    guard: int
    before: PresentGroup | None
    conditional: bool = False


class GroupWrites:
    """Takes decisions about groups to the log; ``now`` returns the time as RFC 3339 in UTC."""

    def __init__(self, log: EventLog, claim_key: ClaimKey, now: Callable[[], str], groups: GroupLog) -> None:
        self._log = log
        self._claim_key = claim_key
        self._now = now
        self._groups = groups
        self._turns = Turns()
        self._chains = Chains(log, groups, self._turns, now)

    async def append(self, order: Order) -> None:
        """Store a delta, whoever else changes the members at the same time."""
        facts = member_facts(order.membership, order.group_id, order.request_id)
        last = await self._chains.append(
            order.tenant,
            order.group_id,
            facts,
            values=order.values,
            request_id=order.request_id,
            deadline=_deadline(order),
        )
        order.draft.stored(facts, last)

    async def create(self, order: Order, document: Document) -> GroupWritten:
        """Store a new group; raise ``uniqueness`` where another one has its name."""

        async def plan(decider: GroupDecider, now: str) -> _Plan:
            decision = decider.create(order.group_id, document, now=now)
            return _Plan(decision, member_facts(order.membership, order.group_id, order.request_id), 0, None)

        return await self._stored(order, plan)

    async def change(
        self,
        order: Order,
        decide: Callable[[GroupDecider, PresentGroup], Decision | None],
        check: Check | None = None,
    ) -> GroupWritten:
        """Store what is decided on the present head, and the change of the members, both or nothing."""

        async def plan(decider: GroupDecider, _now: str) -> _Plan:
            state, guard = await self._present(order, check)
            head = decide(decider, state)
            facts = member_facts(order.membership, order.group_id, order.request_id)
            if check is None or not (head or facts):
                return _Plan(head, facts, guard, state)
            if len(facts) < (1 if head else 2):
                # Whatever is not written needs a message that carries its guard: an addition of nobody.
                facts.append(MembersAdded(order.group_id, ()))
            return _Plan(head, facts, guard, state, conditional=True)

        return await self._stored(order, plan)

    async def delete(self, order: Order, check: Check | None = None) -> None:
        """Remove a group, whoever changes its members at the same time."""

        async def plan(decider: GroupDecider, _now: str) -> _Plan:
            state, end = await self._groups.whole(order.tenant, order.group_id)
            order.draft.about(order.group_id, state.document)
            if check is not None:
                await check(state)
            return _Plan(decider.delete(state), [MembersClosed(order.group_id)], end, state)

        await self._stored(order, plan)
        self._groups.forget(order.tenant, order.group_id)

    async def drain(self) -> None:
        """Wait for the deltas under way."""
        await self._chains.drain()

    async def _present(self, order: Order, check: Check | None) -> tuple[PresentGroup, int]:
        """Return a group's head as the leader has it, and the guard of its members, 0 where none is needed."""
        if check is not None:
            state, end = await self._groups.whole(order.tenant, order.group_id)
            await check(state)
            return state, end
        state = present_group(order.group_id, await self._groups.head(order.tenant, order.group_id))
        if order.membership.changes_nothing:
            return state, 0
        return state, await self._groups.guard(order.tenant, order.group_id)

    async def _stored(self, order: Order, plan: "_Planning") -> GroupWritten:
        deadline = _deadline(order)
        attempts = _Attempts(self._log, order, partial(self._claim_key.digest, order.tenant.id), self._now, deadline)
        staging = None
        if order.membership.staged:
            await attempts.foresee(plan)
            staging = await stage(
                self._log,
                order.tenant,
                order.group_id,
                order.request_id,
                order.membership.staged,
                now=self._now(),
                deadline=deadline,
            )
        try:
            async with self._turns.of((order.tenant.id, order.group_id)):
                return await attempts.store(plan, staging, self._groups)
        except ScimError:
            if staging is not None:
                await abandon(self._log, staging, now=self._now(), deadline=deadline)
            raise


class _Attempts:
    """The attempts of one request to get its write stored."""

    def __init__(
        self,
        log: EventLog,
        order: Order,
        digest: Callable[[str, str], str],
        now: Callable[[], str],
        deadline: float,
    ) -> None:
        self._log = log
        self._order = order
        self._now = now
        self._deadline = deadline
        self._released: dict[str, int] = {}
        self._decider = GroupDecider(order.tenant, digest, self._released)

    async def foresee(self, plan: "_Planning") -> None:
        """Raise what would refuse the write as things stand, before many members go ahead in vain."""
        planned = await plan(self._decider, self._now())
        if planned.head is not None:
            for subject in planned.head.labels:
                await learn(self._log, self._order.tenant, subject, planned.head, self._released)

    async def store(self, plan: "_Planning", staging: Staging | None, groups: GroupLog) -> GroupWritten:
        order = self._order
        clock = asyncio.get_running_loop().time
        while True:
            now = self._now()
            planned = await plan(self._decider, now)
            facts = self._facts(planned, staging)
            if not facts:
                return _written(planned, now, 0, 0)
            first = staging.chunks if staging is not None else 0
            write = await assembled([Portion(facts, order.request_id, first)], order.tenant, now)
            try:
                sequence = await self._log.append(write, deadline=self._deadline)
            except RefusedError as refusal:
                if clock() >= self._deadline:
                    raise UnavailableError("the write met others again and again until its deadline") from refusal
                if staging is not None and refusal.subject == staging.subject:
                    raise UnavailableError("the replacement took so long that it was abandoned") from refusal
                groups.forget(order.tenant, order.group_id)
                if planned.head is not None:
                    await learn(self._log, order.tenant, refusal.subject, planned.head, self._released)
            else:
                order.draft.stored([planned_fact.fact for planned_fact in facts], sequence)
                if planned.members:
                    groups.remember(order.tenant, order.group_id, sequence)
                return _written(planned, now, sequence, len(facts))

    def _facts(self, planned: _Plan, staging: Staging | None) -> list[PlannedFact]:
        """Return the facts in their order: claims, head, the end of a staging, members."""
        tenant, group_id = self._order.tenant, self._order.group_id
        facts = list(planned.head.facts) if planned.head is not None else []
        if staging is not None:
            facts.append(staging.committed())
        subject = subjects.group_members(tenant.partition, tenant.id, group_id)
        for place, fact in enumerate(planned.members):
            facts.append(PlannedFact(subject, group_id, fact, planned.guard if place == 0 else None))
        if planned.conditional and planned.head is None:
            assert planned.before is not None, "a condition is compared with what is there"
            head = subjects.group(tenant.partition, tenant.id, group_id), planned.before.sequence
            facts[-1] = replace(facts[-1], beside=head)
        return facts


_Planning = Callable[[GroupDecider, str], Awaitable[_Plan]]


def _written(planned: _Plan, now: str, sequence: int, count: int) -> GroupWritten:
    """Return the group after a write of so many facts, the last one at ``sequence``."""
    head, before = planned.head, planned.before
    if head is not None:
        place = len(head.facts) - 1
        return GroupWritten(
            head.document,
            head.created,
            now,
            now,
            sequence - (count - 1 - place),
            sequence if planned.members else planned.guard,
        )
    assert before is not None, "a creation always writes a head"
    modified = now if planned.members else before.last_modified
    members_sequence = sequence if planned.members else planned.guard
    return GroupWritten(
        before.document, before.created, before.last_modified, modified, before.sequence, members_sequence
    )


def _deadline(order: Order) -> float:
    return asyncio.get_running_loop().time() + DEADLINE_SECONDS + order.values / MEMBERS_PER_SECOND
