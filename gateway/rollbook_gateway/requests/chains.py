"""Deltas to the members of one group that wait at the same time go into the log together: one chain, one batch.

They never contradict each other, so that none has to wait for the outcome of another. Only the first of a chain is
guarded; where its guard does not hold, the whole chain gets a new one. Called by the group requests.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from rollbook_contracts import subjects
from rollbook_contracts.facts.catalog import Fact
from rollbook_gateway.decide.user import PlannedFact, Tenant
from rollbook_gateway.decide.write import Portion
from rollbook_gateway.log.port import EventLog, LogError, RefusedError, UnavailableError
from rollbook_gateway.requests.assembling import assembled
from rollbook_gateway.requests.group_log import GroupLog
from rollbook_gateway.requests.turns import Turns
from rollbook_gateway.scim.errors import ScimError

MOST_FACTS: Final = 1_000
"""The server's limit on a batch."""
MOST_VALUES: Final = 50_000
"""Members named in one chain, some 2 MB: a request that names more goes alone."""

logger = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Delta:
    """What one request does to the members, on its way; who asked may have left."""

    facts: Sequence[Fact]
    values: int
    request_id: str
    deadline: float
    answer: "asyncio.Future[int]"


@dataclass(slots=True, eq=False)
class _Chain:
    tenant: Tenant
    group_id: str
    waiting: list[_Delta] = field(default_factory=list)


class Chains:
    """The deltas under way, by group; a group's other writes take turns with them at ``turns``."""

    def __init__(self, log: EventLog, groups: GroupLog, turns: Turns, now: Callable[[], str]) -> None:
        self._log = log
        self._groups = groups
        self._turns = turns
        self._now = now
        self._chains: dict[tuple[str, str], _Chain] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def append(
        self, tenant: Tenant, group_id: str, facts: Sequence[Fact], *, values: int, request_id: str, deadline: float
    ) -> int:
        """Store a delta; return the sequence of its last fact.

        Raises ``notFound`` where there is no such group, and ``UnavailableError``. Who is cancelled stops waiting, the
        delta goes on.
        """
        delta = _Delta(facts, values, request_id, deadline, asyncio.get_running_loop().create_future())
        key = tenant.id, group_id
        chain = self._chains.get(key)
        if chain is None:
            chain = self._chains[key] = _Chain(tenant, group_id)
            task = asyncio.create_task(self._run(chain))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        chain.waiting.append(delta)
        try:
            async with asyncio.timeout_at(deadline):
                return await delta.answer
        except TimeoutError:
            raise UnavailableError("the members' facts were not confirmed in time") from None

    async def drain(self) -> None:
        """Wait until every delta is answered; none waits beyond its deadline."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _run(self, chain: _Chain) -> None:
        key = chain.tenant.id, chain.group_id
        try:
            while chain.waiting:
                async with self._turns.of(key):
                    together = _take(chain, asyncio.get_running_loop().time())
                    if together:
                        await self._attempt(chain, together)
        finally:
            del self._chains[key]

    async def _attempt(self, chain: _Chain, together: list[_Delta]) -> None:
        tenant, group_id = chain.tenant, chain.group_id
        try:
            guard = await self._groups.guard(tenant, group_id)
            write = await assembled(_portions(chain, together, guard), tenant, self._now())
            sequence = await self._log.append(write, deadline=max(delta.deadline for delta in together))
        except RefusedError:
            # No lost race: the same deltas stand just as well behind whatever came first.
            self._groups.forget(tenant, group_id)
            chain.waiting[:0] = together
        except (LogError, ScimError) as error:
            _refuse(together, error)
        except Exception:
            logger.exception("chain.failed")
            _refuse(together, UnavailableError("an internal error"))
        else:
            self._groups.remember(tenant, group_id, sequence)
            _tell(together, sequence)


def _take(chain: _Chain, now: float) -> list[_Delta]:
    """Take what goes into the next batch off the chain; those past their deadline are dropped."""
    waiting = [delta for delta in chain.waiting if delta.deadline > now]
    facts = values = 0
    for count, delta in enumerate(waiting):
        facts += len(delta.facts)
        values += delta.values
        if count and (facts > MOST_FACTS or values > MOST_VALUES):
            chain.waiting = waiting[count:]
            return waiting[:count]
    chain.waiting = []
    return waiting


def _portions(chain: _Chain, together: Sequence[_Delta], guard: int) -> list[Portion]:
    subject = subjects.group_members(chain.tenant.partition, chain.tenant.id, chain.group_id)
    expected: int | None = guard
    portions = []
    for delta in together:
        planned = []
        for fact in delta.facts:
            planned.append(PlannedFact(subject, chain.group_id, fact, expected))
            expected = None
        portions.append(Portion(planned, delta.request_id))
    return portions


def _tell(together: Sequence[_Delta], sequence: int) -> None:
    sequence -= sum(len(delta.facts) for delta in together)
    for delta in together:
        sequence += len(delta.facts)
        if not delta.answer.done():  # who asked was cancelled
            delta.answer.set_result(sequence)


def _refuse(together: Sequence[_Delta], error: Exception) -> None:
    for delta in together:
        if not delta.answer.done():
            delta.answer.set_exception(error)
