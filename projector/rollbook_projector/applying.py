"""Applies facts to the tables within a transaction of the caller: all at once, one by one, or on an operator's word."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rollbook_contracts.facts.system import ParkDiscarded, ParkRetried
from rollbook_projector.batch import Batch, Place, reason
from rollbook_projector.changes import Cause
from rollbook_projector.gathering import ResourceTables
from rollbook_projector.halts import Halt
from rollbook_projector.outbox.rows import OutboxTable
from rollbook_projector.parking import Parked, ParkedFact, ParkedTable
from rollbook_projector.projections.tenants import Tenants, TenantTable
from rollbook_projector.projections.versions import VersionColumns
from rollbook_projector.recorded import FactSource, Recorded, read
from rollbook_projector.session import Connection, is_database_trouble, is_own_reason


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables that facts are applied to: the live ones, or others of their shapes."""

    resources: ResourceTables = field(default_factory=ResourceTables)
    tenants: TenantTable = field(default_factory=TenantTable)
    parked: ParkedTable = field(default_factory=ParkedTable)
    outbox: OutboxTable = field(default_factory=OutboxTable)
    versions: VersionColumns = field(default_factory=VersionColumns)


@dataclass(frozen=True, slots=True)
class Applying:
    """Applies facts of one partition."""

    tables: Tables
    place: Place
    log: FactSource
    on_parked: Callable[[ParkedFact], None] = lambda _fact: None
    """Told of each fact that is set aside, or set aside again."""

    async def together(
        self, connection: Connection, epoch: int, facts: Sequence[Recorded], *, any_parked: bool = True
    ) -> int:
        """Apply facts as one; return the epoch after them. A refusal by PostgreSQL leaves them to ``one_by_one``."""
        batch = await self._begin(connection, epoch, facts, any_parked=any_parked)
        batch.apply_all(facts)
        await self._write(connection, batch)
        return batch.epoch

    async def whatever_is_refused(self, connection: Connection, epoch: int, facts: Sequence[Recorded]) -> int:
        """Apply facts as one, or one by one, in a transaction that must go on either way."""
        try:
            async with connection.transaction():
                return await self.together(connection, epoch, facts)
        except Exception as error:
            if not is_own_reason(error):
                raise
        return await self.one_by_one(connection, epoch, facts)

    async def one_by_one(self, connection: Connection, epoch: int, facts: Sequence[Recorded]) -> int:
        """Apply facts under savepoints, so that a refusal by PostgreSQL parks the one that it is about."""
        for fact in facts:
            try:
                async with connection.transaction():
                    epoch = await self.together(connection, epoch, [fact])
            except Exception as error:
                if not is_own_reason(error):
                    raise
                batch = await self._begin(connection, epoch, [])
                batch.park(fact, reason(error))
                await self._write(connection, batch)
        return epoch

    async def decision(self, connection: Connection, epoch: int, decided: Recorded) -> None:
        """Apply an operator's decision; one that no longer fits what is parked has no effect."""
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
        await self._resume(connection, waiting, Cause.of(decided, epoch=epoch, partition=self.place.partition))

    async def _resume(self, connection: Connection, waiting: Sequence[ParkedFact], cause: Cause) -> None:
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
                    changes = await self._resumed(connection, read(message), fact, cause)
            except Halt:
                raise
            except Exception as error:
                if is_database_trouble(error):
                    raise
                await self._keep(connection, fact, reason(error))
                return
            cause = cause.after(changes)

    async def _resumed(self, connection: Connection, recorded: Recorded, fact: ParkedFact, cause: Cause) -> int:
        batch = await self._begin(connection, cause.key.epoch, [recorded])
        queue = batch.parked.queue(fact.key)
        changes = batch.effect(recorded, cause, queue.predecessor(recorded))
        batch.parked.remove((*queue.superseded(recorded), fact))
        await self._write(connection, batch)
        return changes

    async def _keep(self, connection: Connection, fact: ParkedFact, why: str) -> None:
        parked = await self.tables.parked.load(connection, self.place.partition)
        parked.put(fact._replace(reason=why, queued=False, code_version=self.place.code_version))
        await self._write_parked(connection, parked)

    async def _begin(
        self, connection: Connection, epoch: int, facts: Sequence[Recorded], *, any_parked: bool = True
    ) -> Batch:
        organizations = {fact.tenant for fact in facts if fact.kind == "tenant"}
        parked = await self.tables.parked.load(connection, self.place.partition) if any_parked else Parked(())
        given_up = parked.given_up & {(fact.tenant, fact.resource) for fact in facts}
        return Batch(
            place=self.place,
            epoch=epoch,
            resources=await self.tables.resources.gather(connection, facts),
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
