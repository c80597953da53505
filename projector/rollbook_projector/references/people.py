"""Whom a value names: the present people of one tenant by the keys that they are matched by; asked by ``Book``."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from enum import IntEnum
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from rollbook_contracts.folding import fold, fold_name, fold_reference


class Kind(IntEnum):
    """What a value may be of a person, in the order in which that is tried."""

    ID = 0
    EXTERNAL_ID = 1
    USER_NAME = 2
    EMAIL = 3
    EMPLOYEE_ID = 4
    DISPLAY_NAME = 5


class Keys(NamedTuple):
    """A person's own values, one for each kind; folded where kinds compare without case."""

    id: str
    external_id: str | None
    user_name: str
    email: str | None
    employee_id: str | None
    display_name: str | None


MatchKey: TypeAlias = tuple[int, str]
"""A kind and a key as that kind compares it."""

_NOTHING: Final[frozenset[str]] = frozenset()


def compared(value: str) -> tuple[str, ...]:
    """Return a value as each kind compares it, in their order."""
    folded = fold(value)
    return value, value, fold_name(value), folded, value, folded


def match_keys(keys: Keys | None) -> Iterator[MatchKey]:
    """Yield what a person is found by; nothing for nobody."""
    return ((kind, key) for kind, key in enumerate(keys or ()) if key is not None)


def folded_keys(keys: Keys | None) -> set[str]:
    """Return the folds of all values that may name a person: references are looked up by them."""
    return {fold_reference(key) for key in keys or () if key is not None}


def changed_keys(before: Keys | None, after: Keys | None) -> set[str]:
    """Return the folds of the values that name a person before or after a change, but not both."""
    if before is None or after is None:
        return folded_keys(before or after)
    if before == after:
        return set()
    return {
        fold_reference(key)
        for old, new in zip(before, after, strict=True)
        if old != new
        for key in (old, new)
        if key is not None
    }


class Holders(NamedTuple):
    """Who has a value among the people that a batch does not touch: of the first kind with anybody, two at most."""

    kind: int
    ids: tuple[str, ...]


NOBODY: Final = Holders(len(Kind), ())


class Asked:
    """Values that may be asked for: most people of a batch have none of them, and need not be indexed."""

    def __init__(self, values: Iterable[str]) -> None:
        self._texts = {text for value in values for text in compared(value)}

    def may_name(self, keys: Keys) -> bool:
        """Whether any of the values may name a person."""
        return not self._texts.isdisjoint(keys)


class Directory:
    """The present people: those a batch touches, by all of their keys, and of the others who has the values asked."""

    def __init__(
        self,
        touched: Collection[Keys] = (),
        others: Mapping[str, Holders] = MappingProxyType({}),
        gone: Collection[str] = (),
        present: AbstractSet[str] = _NOTHING,
    ) -> None:
        self._asked = Asked(others)
        self._touched: dict[MatchKey, set[str]] = {}
        self._others = others
        self._gone = set(gone)
        self.present = present
        """Ids of people whom the batch does not touch, among the values asked."""
        for keys in touched:
            self._add(keys)

    def link(self, value: str) -> str | None:
        """Return the one person whom a value names.

        The first kind with any holder decides; two holders mean nobody, and so does the id of a person who is gone.
        Raises ``KeyError`` for a value of which it is not known who has it.
        """
        if value in self.present:
            return value
        others = self._others[value]
        for kind, key in enumerate(compared(value)):
            here = self._touched.get((kind, key), _NOTHING)
            there = others.ids if kind == others.kind else ()
            if here or there:
                return next(iter((*here, *there))) if len(here) + len(there) == 1 else None
            if kind == Kind.ID and value in self._gone:
                return None
        return None

    def is_gone(self, value: str) -> bool:
        """Whether a value is the id of a person who was deleted for good."""
        return value in self._gone and not self._touched.get((Kind.ID, value))

    def move(self, before: Keys | None, after: Keys | None) -> None:
        """Take in what became of a person."""
        if before == after:
            return
        if before is not None and self._asked.may_name(before):
            for key in match_keys(before):
                self._touched[key].discard(before.id)
        if after is not None:
            self._add(after)

    def bury(self, user_id: str) -> None:
        """Take in that an id is nobody's for good."""
        self._gone.add(user_id)

    def _add(self, keys: Keys) -> None:
        if not self._asked.may_name(keys):
            return
        for key in match_keys(keys):
            self._touched.setdefault(key, set()).add(keys.id)
