"""References as they were sent, indexed by what asks for them; part of ``Book``, rows of ``lms.sent_references``."""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple, TypeAlias

from rollbook_contracts.folding import fold_reference

ReferenceKind: TypeAlias = Literal["member", "manager"]
ReferenceKey: TypeAlias = tuple[ReferenceKind, str, str]
"""Kind, holder (a group, or the person who has the manager) and value."""


class Reference(NamedTuple):
    """One value as it was sent, and whom it names."""

    kind: ReferenceKind
    holder: str
    value: str
    folded: str
    rank: int
    user_id: str | None
    target_deleted: bool
    since: str

    @property
    def key(self) -> ReferenceKey:
        return self.kind, self.holder, self.value


def sent(kind: ReferenceKind, holder: str, value: str, *, since: str, rank: int = 0) -> Reference:
    """Return a reference that names nobody yet."""
    return Reference(kind, holder, value, fold_reference(value), rank, None, target_deleted=False, since=since)


class SentReferences:
    """What is known of one tenant's references, and which of them a batch changes."""

    def __init__(self, references: Iterable[Reference] = ()) -> None:
        self._all: dict[ReferenceKey, Reference] = {}
        self._by_value: dict[str, set[ReferenceKey]] = {}
        self._by_holder: dict[tuple[str, str], set[ReferenceKey]] = {}
        self._members_named: dict[tuple[str, str], set[ReferenceKey]] = {}
        self.stored: dict[ReferenceKey, Reference | None] = {}
        """The rows in the table of those that change."""
        for reference in references:
            self._index(reference)

    def __len__(self) -> int:
        return len(self._all)

    def get(self, key: ReferenceKey) -> Reference | None:
        """Return a reference, if it is there."""
        return self._all.get(key)

    def named_by(self, folded: str) -> list[Reference]:
        """Return the references whose values have a fold, in the order of their keys."""
        return self._sorted(self._by_value.get(folded, ()))

    def held_by(self, kind: ReferenceKind, holder: str) -> list[Reference]:
        """Return the references of a group or a person, in the order of their keys."""
        return self._sorted(self._by_holder.get((kind, holder), ()))

    def members_named(self, group: str, user_id: str) -> list[Reference]:
        """Return the references by which a group has a person as its member."""
        return self._sorted(self._members_named.get((group, user_id), ()))

    def put(self, reference: Reference) -> None:
        """Add a reference, or replace what is known of it."""
        before = self._all.get(reference.key)
        self.stored.setdefault(reference.key, before)
        if before is not None:
            self._forget(reference.key)
        self._index(reference)

    def drop(self, reference: Reference) -> None:
        """Take a reference off."""
        self.stored.setdefault(reference.key, self._all[reference.key])
        self._forget(reference.key)

    def forget_all(self, holder: str) -> None:
        """Take all members' references of a group off, in the table too: the group is gone."""
        for key in list(self._by_holder.get(("member", holder), ())):
            self._forget(key)
        for key in [key for key in self.stored if key[:2] == ("member", holder)]:
            del self.stored[key]

    def changed(self) -> Iterator[tuple[Reference | None, Reference | None]]:
        """Yield each row that differs from the table: as it stands there, as it must stand there."""
        for key, before in self.stored.items():
            after = self._all.get(key)
            if after != before:
                yield before, after

    def _index(self, reference: Reference) -> None:
        key = reference.key
        self._all[key] = reference
        self._by_value.setdefault(reference.folded, set()).add(key)
        self._by_holder.setdefault(key[:2], set()).add(key)
        if reference.kind == "member" and reference.user_id is not None:
            self._members_named.setdefault((reference.holder, reference.user_id), set()).add(key)

    def _forget(self, key: ReferenceKey) -> None:
        reference = self._all.pop(key)
        self._by_value[reference.folded].discard(key)
        self._by_holder[key[:2]].discard(key)
        if reference.kind == "member" and reference.user_id is not None:
            self._members_named[reference.holder, reference.user_id].discard(key)

    def _sorted(self, keys: Iterable[ReferenceKey]) -> list[Reference]:
        return [self._all[key] for key in sorted(keys)]
