"""What a run of facts does to the tables, worked out in memory, fact by fact; pure, called within a transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rollbook_contracts.facts.system import EpochStarted
from rollbook_projector.changes import Cause, OutboxRow
from rollbook_projector.halts import Halt
from rollbook_projector.parking import Parked, ParkedFact
from rollbook_projector.projections.tenants import Tenants
from rollbook_projector.recorded import Recorded
from rollbook_projector.resources import Resources


@dataclass(frozen=True, slots=True)
class Place:
    """Where a batch stands, apart from the tables: what each of its facts is applied under."""

    partition: int
    silent_until: int
    """Up to this sequence no changes are made: a rebuild made them long ago."""
    code_version: str
    decided_later: Mapping[int, int]
    """Fact → the last decision further on in the log that names it: evidence that the fact was parked until then."""


class Bound(NamedTuple):
    """How much facts may weigh that are applied together, and whether a write ends with the fact of a sequence."""

    most: int
    ends_write: Callable[[int], bool]


@dataclass(slots=True)
class Batch:
    """The tables' part that some facts touch, moved on by each of them."""

    place: Place
    epoch: int
    resources: Resources
    tenants: Tenants
    parked: Parked
    outbox: list[OutboxRow] = field(default_factory=list)

    def apply_all(self, facts: Sequence[Recorded], bound: Bound | None = None) -> int:
        """Apply facts in order, setting aside what cannot be applied; return how many were applied.

        At the end of the write by which they weigh more than the bound allows, it is enough.
        """
        for count, recorded in enumerate(facts, 1):
            self.apply(recorded)
            if bound and sum(self.resources.work.values()) > bound.most and bound.ends_write(recorded.sequence):
                return count
        return len(facts)

    def apply(self, recorded: Recorded) -> None:
        """Apply one fact, or set it aside: for a reason of its own, or because an earlier one of its resource is."""
        if recorded.kind == "system":
            self._begin_epoch(recorded)
            return
        queue = self.parked.queue((recorded.tenant, recorded.resource)) if self.parked else None
        if queue and queue.waiting:
            self.park(recorded, f"waits for fact {queue.waiting[0].seq}", queued=True)
        elif recorded.sequence in self.place.decided_later:
            self._park_as_before(recorded)
        else:
            cause = Cause.of(recorded, epoch=self.epoch, partition=self.place.partition)
            try:
                self.effect(recorded, cause, queue.predecessor(recorded) if queue else None)
            except Halt:
                raise
            except Exception as error:  # noqa: BLE001  # whatever a fact raises is its own reason
                self.park(recorded, reason(error))
            else:
                self.parked.remove(queue.superseded(recorded) if queue else ())

    def effect(self, recorded: Recorded, cause: Cause, predecessor: int | None = None) -> int:
        """Apply one fact under a cause; return how many changes it made. Raises for a reason of the fact's own."""
        if recorded.fact is None:
            raise UnreadableFactError(recorded.problem)
        if recorded.kind == "tenant":
            self.tenants.apply(recorded, predecessor)
            return 0
        changes = 0
        if (change := self.resources.apply(recorded, cause, predecessor)) is not None:
            self._emit(change, cause)
            changes += 1
        for effect in self.resources.effects(recorded.tenant):
            its_cause = cause.after(changes)
            self._emit(self.resources.changed(effect, recorded.tenant, its_cause), its_cause)
            changes += 1
        return changes

    def _emit(self, change: OutboxRow, cause: Cause) -> None:
        if cause.key.sequence > self.place.silent_until:
            self.outbox.append(change)

    def park(self, recorded: Recorded, why: str, *, queued: bool = False) -> None:
        """Set a fact aside."""
        self.parked.put(self._parked(recorded, why, queued=queued))

    def _park_as_before(self, recorded: Recorded) -> None:
        why = f"was parked until fact {self.place.decided_later[recorded.sequence]}"
        self.parked.put(self._parked(recorded, why, queued=False)._replace(code_version=""))

    def _parked(self, recorded: Recorded, why: str, *, queued: bool) -> ParkedFact:
        return ParkedFact(
            self.place.partition,
            recorded.sequence,
            recorded.tenant,
            recorded.resource,
            recorded.wire_type,
            why,
            queued,
            discarded=False,
            since=recorded.time,
            code_version="" if queued else self.place.code_version,
        )

    def _begin_epoch(self, recorded: Recorded) -> None:
        if not isinstance(recorded.fact, EpochStarted):
            raise Halt(
                "unknown_fact",
                f"fact {recorded.sequence} about the partition itself cannot be read: {recorded.problem}",
            )
        self.epoch = recorded.fact.epoch


class UnreadableFactError(ValueError):
    """A fact that the codec does not know."""


def reason(error: Exception) -> str:
    """Return an error as the reason that stands in the table of parked facts; PostgreSQL's text holds no NUL."""
    text = str(error) if isinstance(error, UnreadableFactError) else f"{type(error).__name__}: {error}"
    return text.replace("\x00", "\\u0000")
