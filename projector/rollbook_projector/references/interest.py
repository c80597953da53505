"""What must be known of a tenant before some facts can be applied: who may be named, what may change; for gathering.

It may be more than is used (a fact may turn out to be parked), never less.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rollbook_contracts.folding import fold_reference
from rollbook_projector.references.people import (
    Asked,
    Keys,
    MatchKey,
    changed_keys,
    compared,
    folded_keys,
    match_keys,
)


@dataclass(slots=True)
class Interest:
    """One tenant's part of a batch, taken in fact by fact."""

    folds: set[str] = field(default_factory=set)
    """Of keys that people get or lose: references of these values may be linked or waited for again."""
    values: set[str] = field(default_factory=set)
    """Values that may have to be linked."""
    members: set[tuple[str, str]] = field(default_factory=set)
    """Group and value, of members who are added or removed one by one."""
    removed: set[tuple[str, str]] = field(default_factory=set)
    """Those of them who are removed."""
    replaced: dict[str, set[str]] = field(default_factory=dict)
    """Groups that get other members altogether, and the values of these."""
    deleted: set[str] = field(default_factory=set)
    managed: set[str] = field(default_factory=set)
    """People who may have had a manager before and are sent anew."""
    _managers: dict[str, list[set[str]]] = field(default_factory=dict)
    """Person → the values for the manager in each of the person's facts."""
    _people: list[Keys] = field(default_factory=list)
    """Those whom the batch touches, as the table has them."""
    _later: list[Keys] = field(default_factory=list)
    """The same and others, as facts have them."""
    _holders: dict[MatchKey, set[str]] = field(default_factory=dict)
    _stored: dict[MatchKey, int] = field(default_factory=dict)

    def person_stored(self, keys: Keys) -> None:
        """Take in somebody whom the batch touches, as the table has the person."""
        self._people.append(keys)

    def person_changed(self, before: Keys | None, after: Keys, managers: Iterable[str | None]) -> None:
        """Take in that somebody is new or changed."""
        self.folds |= changed_keys(before, after)
        self._managers.setdefault(after.id, []).append({value for value in managers if value is not None})
        if before != after:
            self._later.append(after)
        if before is not None:
            self.managed.add(after.id)

    def person_deleted(self, user_id: str, before: Keys | None) -> None:
        """Take in that somebody is gone."""
        self.folds |= folded_keys(before)
        self.folds.add(fold_reference(user_id))
        self.deleted.add(user_id)
        self.managed.add(user_id)
        self._managers.setdefault(user_id, []).append(set())

    def members_changed(self, group: str, values: Iterable[str], *, removed: bool) -> None:
        """Take in that members are added or removed one by one."""
        for value in values:
            self.values.add(value)
            self.members.add((group, value))
            if removed:
                self.removed.add((group, value))

    def members_replaced(self, group: str, values: Iterable[str]) -> None:
        """Take in that a group gets other members altogether."""
        self.replaced.setdefault(group, set()).update(values)

    def managers_known(self, stored: Mapping[str, set[str]]) -> None:
        """Take in who has which references to a manager: what was sent before, and always again, is linked already."""
        for user_id, sent in self._managers.items():
            self.values |= set[str]().union(*sent) - stored.get(user_id, set()).intersection(*sent)

    def values_known(self) -> None:
        """Find out, all values being known, whom of the people whom the batch touches they may name."""
        asked = Asked(self.values)
        for keys in filter(asked.may_name, self._people):
            for key in match_keys(keys):
                self._holders.setdefault(key, set()).add(keys.id)
                self._stored[key] = self._stored.get(key, 0) + 1
        for keys in filter(asked.may_name, self._later):
            for key in match_keys(keys):
                self._holders.setdefault(key, set()).add(keys.id)

    def touched(self, value: str) -> set[str]:
        """Return those whom the batch touches and a value may name at some time."""
        found: set[str] = set()
        for key in _compared(value):
            found |= self._holders.get(key, set())
        return found

    def most(self, value: str) -> int:
        """Return how many people of a kind must be asked for, so that two are left whom the batch does not touch."""
        return 2 + max(self._stored.get(key, 0) for key in _compared(value))


def _compared(value: str) -> list[MatchKey]:
    return list(enumerate(compared(value)))
