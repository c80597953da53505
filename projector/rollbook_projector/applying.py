"""Applies facts to the tables within a transaction of the caller: all at once, one by one, or on an operator's word."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from rollbook_contracts.facts.system import ParkDiscarded, ParkRetried
from rollbook_projector.batch import Batch, Bound, Place, reason
from rollbook_projector.changes import Cause
from rollbook_projector.gathering import ResourceTables
from rollbook_projector.halts import Halt
from rollbook_projector.outbox.rows import OutboxTable
from rollbook_projector.parking import Parked, ParkedFact, ParkedTable
from rollbook_projector.projections.tenants import Tenants, TenantTable
from rollbook_projector.projections.versions import VersionColumns
from rollbook_projector.recorded import FactSource, Recorded, read
from rollbook_projector.session import Connection, aside, is_database_trouble, is_own_reason
from rollbook_projector.weight import TooHeavyError

_FEW: Final = 200
"""So many facts and references are worked out at once, in some milliseconds."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables that facts are applied to: the live ones, or others of their shapes."""

    resources: ResourceTables = field(default_factory=ResourceTables)
    tenants: TenantTable = field(default_factory=TenantTable)
    parked: ParkedTable = field(default_factory=ParkedTable)
    outbox: OutboxTable = field(default_factory=OutboxTable)
    versions: VersionColumns = field(default_factory=VersionColumns)


class Applied(NamedTuple):
    """How many facts were applied, the epoch after them, and by tenant what their links weighed."""

    facts: int
    epoch: int
    work: Mapping[str, int]

    @property
    def heaviest(self) -> str:
        """The tenant whose links weighed most; empty where nobody's weighed anything."""
        return max(self.work, key=lambda tenant: self.work[tenant], default="")


@dataclass(frozen=True, slots=True)
class Applying:
    """Applies facts of one partition."""

    tables: Tables
    place: Place
    log: FactSource
    on_parked: Callable[[ParkedFact], None] = lambda _fact: None
    """Told of each fact that is set aside, or set aside again."""

    def without(self, apart: frozenset[str]) -> "Applying":
        """Return the same for a partition some of whose tenants are applied apart."""
        return replace(self, place=replace(self.place, apart=apart)) if apart else self

    async def together(
        self,
        connection: Connection,
        epoch: int,
        facts: Sequence[Recorded],
        bound: Bound | None = None,
        *,
        any_parked: bool = True,
    ) -> Applied:
        """Apply facts as one, as many of them as the bound allows.

        A refusal by PostgreSQL leaves them to ``one_by_one``. Raises ``TooHeavyError`` where all that they touch is
        more than the bound allows.
        """
        batch = await self._begin(connection, epoch, facts, bound, any_parked=any_parked)
        count = await _folded(connection, batch, facts, bound)
        await self._write(connection, batch)
        return Applied(count, batch.epoch, batch.resources.work)

    async def whatever_is_refused(
        self, connection: Connection, epoch: int, facts: Sequence[Recorded], bound: Bound | None = None
    ) -> Applied:
        """Apply facts as one, or one by one, in a transaction that must go on either way."""
        try:
            async with connection.transaction():
                return await self.together(connection, epoch, facts, bound)
        except Exception as error:
            if not is_own_reason(error):
                raise
        return await self.one_by_one(connection, epoch, facts, bound)

    async def one_by_one(
        self, connection: Connection, epoch: int, facts: Sequence[Recorded], bound: Bound | None = None
    ) -> Applied:
        """Apply facts under savepoints, so that a refusal by PostgreSQL parks the one that it is about."""
        work: Counter[str] = Counter()
        for count, fact in enumerate(facts, 1):
            try:
                async with connection.transaction():
                    applied = await self.together(connection, epoch, [fact], bound)
                    epoch = applied.epoch
                    work.update(applied.work)
            except Exception as error:
                if not is_own_reason(error):
                    raise
                batch = await self._begin(connection, epoch, [])
                batch.park(fact, reason(error))
                await self._write(connection, batch)
            if bound and work.total() > bound.most and bound.ends_write(fact.sequence):
                return Applied(count, epoch, work)
        return Applied(len(facts), epoch, work)

    async def decision(self, connection: Connection, epoch: int, decided: Recorded, bound: Bound | None = None) -> None:
        """Apply an operator's decision; one that no longer fits what is parked has no effect.

        Raises ``TooHeavyError`` where what a fact touches that waited is more than the bound allows.
        """
        match decided.fact:
            case ParkRetried() | ParkDiscarded() as fact:
                parked = await self.tables.parked.load(connection, self.place.partition)
            case _:
                raise Halt("unknown_fact", f"decision {decided.sequence} cannot be read: {decided.problem}")
        waiting = parked.queue_of(fact.sequence).waiting
        if not waiting or waiting[0].seq != fact.sequence:
            return
        if isinstance(fact, ParkDiscarded):
            why = f"discarded by fact {decided.sequence}"
            parked.put(waiting[0]._replace(discarded=True, reason=why, code_version=""))
            await self._write_parked(connection, parked)
            waiting = waiting[1:]
        await self._resume(connection, waiting, Cause.of(decided, epoch=epoch, partition=self.place.partition), bound)

    async def _resume(
        self, connection: Connection, waiting: Sequence[ParkedFact], cause: Cause, bound: Bound | None
    ) -> None:
        """Apply what waits, in order, until one raises again."""
        for fact in waiting:
            if self.place.decided_later.get(fact.seq, 0) > cause.key.sequence:
                await self._keep(connection, fact, fact.reason)
                return
            message = await self.log.at(fact.seq)
            if message is None:
                raise Halt("log_gap", f"parked fact {fact.seq} is no longer in the log")
            try:
                async with connection.transaction():
                    changes = await self._resumed(connection, read(message), fact, cause, bound)
            except (Halt, TooHeavyError):
                raise
            except Exception as error:
                if is_database_trouble(error):
                    raise
                await self._keep(connection, fact, reason(error))
                return
            cause = cause.after(changes)

    async def _resumed(
        self, connection: Connection, recorded: Recorded, fact: ParkedFact, cause: Cause, bound: Bound | None
    ) -> int:
        batch = await self._begin(connection, cause.key.epoch, [recorded], bound)
        queue = batch.parked.queue(fact.key)
        changes = await aside(connection, lambda: batch.effect(recorded, cause, queue.predecessor(recorded)))
        batch.parked.remove((*queue.superseded(recorded), fact))
        await self._write(connection, batch)
        return changes

    async def _keep(self, connection: Connection, fact: ParkedFact, why: str) -> None:
        parked = await self.tables.parked.load(connection, self.place.partition)
        parked.put(fact._replace(reason=why, queued=False, code_version=self.place.code_version))
        await self._write_parked(connection, parked)

    async def _begin(
        self,
        connection: Connection,
        epoch: int,
        facts: Sequence[Recorded],
        bound: Bound | None = None,
        *,
        any_parked: bool = True,
    ) -> Batch:
        organizations = {fact.tenant for fact in facts if fact.kind == "tenant"}
        parked = await self.tables.parked.load(connection, self.place.partition) if any_parked else Parked(())
        given_up = parked.given_up & {(fact.tenant, fact.resource) for fact in facts}
        return Batch(
            place=self.place,
            epoch=epoch,
            resources=await self.tables.resources.gather(connection, facts, bound.most if bound else None),
            tenants=Tenants(await self.tables.tenants.load(connection, organizations)),
            parked=parked,
            told=await self.tables.versions.documents(connection, given_up),
        )

    async def _write(self, connection: Connection, batch: Batch) -> None:
        await self.tables.resources.write(connection, batch.resources, self.place.partition)
        await self.tables.tenants.write(connection, batch.tenants.rows)
        await self.tables.versions.write(connection, batch.corrected)
        await self.tables.outbox.write(connection, batch.outbox)
        await self._write_parked(connection, batch.parked)

    async def _write_parked(self, connection: Connection, parked: Parked) -> None:
        await self.tables.parked.write(connection, self.place.partition, parked)
        for fact in parked.changed:
            self.on_parked(fact)


async def _folded(connection: Connection, batch: Batch, facts: Sequence[Recorded], bound: Bound | None) -> int:
    """Apply facts in memory, in a thread where that may take long."""
    if len(facts) + batch.resources.known > _FEW:
        return await aside(connection, lambda: batch.apply_all(facts, bound))
    return batch.apply_all(facts, bound)
