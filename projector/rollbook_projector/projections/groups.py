"""Table ``lms.groups``: one row for each group, with the sequences of its last facts; the members have their own."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import msgspec

from rollbook_contracts.facts.group import GroupCreated, GroupDeleted, GroupFact, GroupUpdated
from rollbook_contracts.folding import fold
from rollbook_contracts.tables import lms
from rollbook_projector.changes import GroupState
from rollbook_projector.halts import broken_chain
from rollbook_projector.projections.storable import Storable
from rollbook_projector.recorded import Recorded
from rollbook_projector.session import Connection
from rollbook_projector.statements import Growth, copy, execute, execute_many, fetch, update

GroupKey: TypeAlias = tuple[str, str]
HeadRow: TypeAlias = tuple[Any, ...]
"""The values of a row in the order of the table's columns, up to the sequence of the head."""

_DOCUMENT: Final = msgspec.json.Decoder(dict[str, Any])
_STORABLE: Final = Storable(lms.groups)


@dataclass(slots=True)
class Groups:
    """The groups that a batch touches: their states before it, moved on fact by fact, and the last head of each."""

    states: dict[GroupKey, GroupState]
    heads: dict[GroupKey, HeadRow | None] = field(default_factory=dict)
    """Those whose head changed."""
    moved: set[GroupKey] = field(default_factory=set)
    """Those of which anything else changed."""
    renamed: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    """People who are shown by another name: tenant and id, the last fact that did it and its time."""
    before: set[GroupKey] = field(init=False)

    def __post_init__(self) -> None:
        self.before = set(self.states)

    @property
    def known(self) -> frozenset[GroupKey]:
        """Those who have a row and are known."""
        return frozenset(self.before)

    def know(self, states: Mapping[GroupKey, GroupState]) -> None:
        """Take in groups that no fact of the batch is about, but whose members may change."""
        self.states |= states
        self.before |= states.keys()

    def apply(self, recorded: Recorded, version: str, predecessor: int | None = None) -> GroupState | None:
        """Apply a fact of a head; return the group's state after it. What is raised is as for people."""
        key = (recorded.tenant, recorded.resource)
        before = self.states.get(key)
        last = predecessor if predecessor is not None else before.fact_seq if before else 0
        if recorded.prev != last:
            raise broken_chain(recorded, last)
        head = REACTIONS[type(recorded.fact)](recorded)
        self.heads[key] = head
        if head is None:
            self.states.pop(key, None)
            return None
        state = before or GroupState(0, 0, None, version)
        self.states[key] = state._replace(fact_seq=recorded.sequence, last_change=version)
        return self.states[key]

    def shown(self, key: GroupKey, sequence: int, time: str) -> None:
        """Take in that a fact, whosever it is, changed what is shown of a group's members."""
        if (state := self.states.get(key)) is not None:
            self.states[key] = state._replace(shown_seq=sequence, shown_modified=time)
            self.moved.add(key)

    def members_changed(self, recorded: Recorded, predecessor: int | None = None) -> bool:
        """Take in a fact of a group's members; return whether there is such a group: else it has no effect."""
        key = (recorded.tenant, recorded.resource)
        before = self.states.get(key)
        if before is None:
            return False
        last = predecessor if predecessor is not None else before.members_seq
        if recorded.prev != last:
            raise broken_chain(recorded, last)
        self.states[key] = before._replace(members_seq=recorded.sequence, members_modified=recorded.time)
        self.moved.add(key)
        return True


def put(recorded: Recorded) -> HeadRow:
    """Return the head of a group whose fact carries all of it."""
    fact = recorded.fact
    assert isinstance(fact, GroupFact)
    document = _DOCUMENT.decode(fact.document)
    display_name = document["displayName"]
    head = (
        recorded.tenant,
        fact.id,
        display_name,
        fold(display_name) if isinstance(display_name, str) else display_name,
        document.get("externalId"),
        bytes(fact.document).decode(),
        fact.created,
        recorded.time,
        recorded.sequence,
    )
    _STORABLE.check((*head, 0, None, "", 0, None))
    return head


def remove(_recorded: Recorded) -> None:
    """Return what is left of a deleted group."""


REACTIONS: Final[Mapping[Any, Callable[[Recorded], HeadRow | None]]] = MappingProxyType(
    {GroupCreated: put, GroupUpdated: put, GroupDeleted: remove}
)


class GroupTable:
    """Reads and writes the rows, in ``lms.groups`` or in a table of the same shape."""

    def __init__(self, name: str = "lms.groups", members_name: str = "lms.group_members") -> None:
        self._load = (
            "SELECT tenant, id, fact_seq, members_seq, members_modified, last_change, shown_seq, shown_modified"  # noqa: S608  # our own name
            f" FROM unnest($1::text[], $2::text[]) AS wanted (tenant, id) JOIN {name} USING (tenant, id)"
        )
        self._delete = (
            f"DELETE FROM {name} AS groups USING unnest($1::text[], $2::text[]) AS gone (tenant, id)"  # noqa: S608
            " WHERE groups.tenant = gone.tenant AND groups.id = gone.id"
        )
        self._move = (
            f"UPDATE {name} SET members_seq = $3, members_modified = $4, last_change = $5, shown_seq = $6,"  # noqa: S608
            " shown_modified = $7 WHERE tenant = $1 AND id = $2"
        )
        # Who joined or left behind the renaming moved the group further: that is never taken back.
        self._rename = (
            f"UPDATE {name} AS groups SET shown_seq = renamed.seq, shown_modified = renamed.time"  # noqa: S608
            " FROM (SELECT DISTINCT ON (tenant, group_id) tenant, group_id, seq, time"
            " FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) AS person (tenant, user_id, seq, time)"
            f" JOIN {members_name} USING (tenant, user_id) ORDER BY tenant, group_id, seq DESC) AS renamed"
            " WHERE groups.tenant = renamed.tenant AND groups.id = renamed.group_id AND groups.shown_seq < renamed.seq"
        )
        self._update = update(lms.groups, name)
        self._name = name
        self.growth = Growth(name)

    async def load(self, connection: Connection, keys: Collection[GroupKey]) -> dict[GroupKey, GroupState]:
        """Return the states of those groups that have a row."""
        if not keys:
            return {}
        rows = await fetch(connection, self._load, keys)
        return {(tenant, group): GroupState(*state) for tenant, group, *state in rows}

    async def write(self, connection: Connection, groups: Groups) -> None:
        """Bring the rows to their last state: new, replaced, gone, or with other members."""
        present = {key: (*head, *groups.states[key][1:]) for key, head in groups.heads.items() if head is not None}
        if new := [row for key, row in present.items() if key not in groups.before]:
            await copy(connection, lms.groups, self._name, new)
            self.growth.noted(len(new))
        if replaced := [row for key, row in present.items() if key in groups.before]:
            await execute_many(connection, self._update, replaced)
        if gone := [key for key in groups.heads if key not in present and key in groups.before]:
            await execute(connection, self._delete, gone)
        if moved := [key for key in groups.moved if key not in groups.heads]:
            await execute_many(connection, self._move, [(*key, *groups.states[key][1:]) for key in moved])

    async def rename(self, connection: Connection, groups: Groups) -> None:
        """Move the groups that show people who have another name; the members must be in their last state already."""
        await execute(connection, self._rename, [(*person, *fact) for person, fact in groups.renamed.items()])
