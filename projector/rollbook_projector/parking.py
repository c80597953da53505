"""Parked facts: what could not be applied, what waits behind it and what was given up; pure but for ``ParkedTable``."""

from collections.abc import Iterable
from typing import Final, NamedTuple, TypeAlias

import msgspec

from rollbook_contracts.facts.group import GroupDeleted
from rollbook_contracts.tables import provisioning
from rollbook_projector.halts import Halt
from rollbook_projector.recorded import Recorded
from rollbook_projector.session import Connection
from rollbook_projector.statements import columns_of, upsert

ResourceKey: TypeAlias = tuple[str, str]
"""Tenant and resource."""

_CHAINS: Final = frozenset({"group", "members", "staging"})
STORM: Final = 100
"""So many facts of one type parked by one version of the code are its bug, not the data's."""


class ParkedFact(NamedTuple):
    """A row of ``provisioning.parked``, in the order of its columns."""

    partition: int
    seq: int
    tenant: str
    resource: str
    type: str
    reason: str
    queued: bool
    discarded: bool
    since: str
    code_version: str
    """Empty where nobody tried: the fact is queued or discarded, or the log says that it was parked until later."""

    @property
    def key(self) -> ResourceKey:
        return (self.tenant, self.resource)

    @property
    def chain(self) -> str:
        """What kind of fact it is: a group has several chains of facts."""
        return self.type.partition(".")[0]

    def is_superseded_by(self, later: "ParkedFact") -> bool:
        """Whether a later fact of the resource leaves the same state without this one.

        Facts of people, organizations and groups' heads carry all of it; facts of members only where they replace all.
        """
        if later.chain == "group" and later.type.startswith("group.deleted."):
            return True
        if self.chain in {"members", "staging"}:
            return later.type.startswith(("members.replaced.", "members.closed."))
        return self.chain not in _CHAINS or later.chain == self.chain


class Queue(msgspec.Struct, frozen=True):
    """What is set aside of one resource, oldest first: some discarded facts, then a parked one, then queued ones."""

    facts: tuple[ParkedFact, ...]

    @property
    def discarded(self) -> tuple[ParkedFact, ...]:
        """The facts at the front that were given up and wait for one that supersedes them."""
        return tuple(fact for fact in self.facts if fact.discarded)

    @property
    def waiting(self) -> tuple[ParkedFact, ...]:
        """The parked fact and those queued behind it."""
        return tuple(fact for fact in self.facts if not fact.discarded)

    def predecessor(self, recorded: Recorded) -> int | None:
        """Return the sequence that a fact names as its predecessor, where that one was discarded."""
        return recorded.prev if any(fact.seq == recorded.prev for fact in self.discarded) else None

    def superseded(self, recorded: Recorded) -> tuple[ParkedFact, ...]:
        """Return the discarded facts that no longer count once a fact is applied: those that it comes after.

        A group's head, members and stagings are chains of their own; only the group's end ends them all.
        """
        if recorded.kind not in _CHAINS or isinstance(recorded.fact, GroupDeleted):
            return self.discarded
        return tuple(fact for fact in self.discarded if fact.seq == recorded.prev or fact.chain == recorded.kind)


class Parked:
    """All queues of a partition as one transaction sees and changes them."""

    def __init__(self, facts: Iterable[ParkedFact]) -> None:
        self._facts = {fact.seq: fact for fact in facts}
        self._before = dict(self._facts)

    def queue(self, key: ResourceKey) -> Queue:
        """Return what is set aside of a resource."""
        return Queue(tuple(sorted(fact for fact in self._facts.values() if fact.key == key)))

    def queue_of(self, sequence: int) -> Queue:
        """Return the queue in which a fact stands; an empty one where it is not set aside."""
        fact = self._facts.get(sequence)
        return Queue(()) if fact is None else self.queue(fact.key)

    def put(self, fact: ParkedFact) -> None:
        """Set a fact aside, or replace what is known of it; raises ``Halt`` in a storm."""
        self._facts[fact.seq] = fact
        if fact.queued or not fact.code_version:
            return
        alike = sum((fact.type, fact.code_version) == (other.type, other.code_version) for other in self._waiting())
        if alike > STORM:
            raise Halt(
                "park_storm",
                f"version {fact.code_version} could not apply more than {STORM} facts of type {fact.type!r}; "
                f"of the last one: {fact.reason}",
            )

    def remove(self, facts: Iterable[ParkedFact]) -> None:
        """Take facts off that were applied, or superseded."""
        for fact in facts:
            del self._facts[fact.seq]

    def __bool__(self) -> bool:
        return bool(self._facts)

    @property
    def given_up(self) -> set[ResourceKey]:
        """The resources with a discarded fact that nothing supersedes yet."""
        return {fact.key for fact in self._facts.values() if fact.discarded}

    @property
    def heads(self) -> list[int]:
        """The sequences of the facts that are parked themselves: neither queued behind another one nor given up."""
        return [fact.seq for fact in self._waiting()]

    @property
    def changed(self) -> list[ParkedFact]:
        """The rows to be written."""
        return [fact for sequence, fact in self._facts.items() if self._before.get(sequence) != fact]

    @property
    def gone(self) -> list[int]:
        """The sequences whose rows are to be deleted."""
        return [sequence for sequence in self._before if sequence not in self._facts]

    def _waiting(self) -> Iterable[ParkedFact]:
        return (fact for fact in self._facts.values() if not fact.queued and not fact.discarded)


class ParkedTable:
    """Reads and writes ``provisioning.parked``, or a table of the same shape."""

    def __init__(self, name: str = "provisioning.parked") -> None:
        columns = ", ".join(ParkedFact._fields)
        self._load = f"SELECT {columns} FROM {name} WHERE partition = $1 ORDER BY seq"  # noqa: S608  # our own name
        self._delete = f"DELETE FROM {name} WHERE partition = $1 AND seq = ANY($2::bigint[])"  # noqa: S608
        self._upsert = upsert(provisioning.parked, name)

    async def load(self, connection: Connection, partition: int) -> Parked:
        """Return the queues of a partition."""
        return Parked(ParkedFact(*row) for row in await connection.fetch(self._load, partition))

    async def write(self, connection: Connection, partition: int, parked: Parked) -> None:
        """Write what a transaction changed."""
        if changed := parked.changed:
            await connection.execute(self._upsert, *columns_of(changed))
        if gone := parked.gone:
            await connection.execute(self._delete, partition, gone)
