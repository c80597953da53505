"""What a run of facts does to the tables, worked out in memory, fact by fact; pure, called within a transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from rollbook_contracts.facts.group import GroupFact
from rollbook_contracts.facts.system import Correction, EpochCorrected, EpochStarted
from rollbook_contracts.facts.user import UserFact
from rollbook_projector.changes import Cause, OutboxRow, correcting_change
from rollbook_projector.halts import Halt
from rollbook_projector.parking import Parked, ParkedFact
from rollbook_projector.projections.documents import differing_attributes
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
    apart: frozenset[str] = frozenset()
    """Tenants that are applied apart: what is put right of them is not applied here."""
    alone: str = ""
    """The tenant that is applied apart here."""

    def corrects(self, tenant: str) -> bool:
        """Whether what is put right of a tenant is applied here."""
        return tenant == self.alone if self.alone else tenant not in self.apart


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
    told: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """The documents, before the batch, of resources of which a fact was given up."""
    corrected: dict[tuple[str, str], str] = field(default_factory=dict)
    """Tenant and resource → the version of the last correction that was told of it."""

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
            self._about_the_partition(recorded)
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
        if predecessor is not None:
            recorded = _naming_all(recorded, self.told.get((recorded.tenant, recorded.resource)))
        changes = 0
        if (change := self.resources.apply(recorded, cause, predecessor)) is not None:
            self._emit(change, cause)
            changes += 1
        for effect in self.resources.effects(recorded.tenant):
            its_cause = cause.after(changes)
            self._emit(self.resources.changed(effect, recorded.tenant, its_cause), its_cause)
            changes += 1
        self.resources.shown(recorded.tenant, cause)
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

    def _about_the_partition(self, recorded: Recorded) -> None:
        match recorded.fact:
            case EpochStarted(epoch):
                self.epoch = epoch
            case EpochCorrected(corrections):
                self._correct(corrections, Cause.of(recorded, epoch=self.epoch, partition=self.place.partition))
            case _:
                raise Halt(
                    "unknown_fact",
                    f"fact {recorded.sequence} about the partition itself cannot be read: {recorded.problem}",
                )

    def _correct(self, corrections: Sequence[Correction], cause: Cause) -> None:
        for correction in corrections:
            if not self.place.corrects(correction.tenant):
                cause = cause.after(1)
                continue
            key = (correction.tenant, correction.id)
            self._emit(correcting_change(correction, self.corrected.get(key, correction.previous), cause), cause)
            self.corrected[key] = str(cause.key)
            cause = cause.after(1)


def _naming_all(recorded: Recorded, told: str | None) -> Recorded:
    """Have a fact that comes after discarded ones name all attributes that differ from what consumers were told."""
    fact = recorded.fact
    if told is None or not isinstance(fact, UserFact | GroupFact):
        return recorded
    changed = differing_attributes(told, bytes(fact.document))
    return msgspec.structs.replace(recorded, fact=msgspec.structs.replace(fact, changed=changed))


class UnreadableFactError(ValueError):
    """A fact that the codec does not know."""


def reason(error: Exception) -> str:
    """Return an error as the reason that stands in the table of parked facts; PostgreSQL's text holds no NUL."""
    text = str(error) if isinstance(error, UnreadableFactError) else f"{type(error).__name__}: {error}"
    return text.replace("\x00", "\\u0000")
