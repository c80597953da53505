"""What must be known of a tenant before some facts can be applied: who may be named, what may change; for gathering.

It may be more than is used (a fact may turn out to be parked), never less.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from rollbook_contracts.folding import fold
from rollbook_projector.references.people import Keys, Kind, MatchKey, changed_keys, folded_keys, match_keys


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
    _holders: dict[MatchKey, set[str]] = field(default_factory=dict)
    """Whom the batch touches, by all keys that they have at any time."""
    _stored: dict[MatchKey, int] = field(default_factory=dict)
    """How many of these stand in the table by a key."""

    def person_stored(self, keys: Keys) -> None:
        """Take in somebody whom the batch touches, as the table has the person."""
        for key in match_keys(keys):
            self._holders.setdefault(key, set()).add(keys.id)
            self._stored[key] = self._stored.get(key, 0) + 1

    def person_changed(self, before: Keys | None, after: Keys, managers: Iterable[str | None]) -> None:
        """Take in that somebody is new or changed."""
        self.folds |= changed_keys(before, after)
        self.values.update(value for value in managers if value is not None)
        for key in match_keys(after):
            self._holders.setdefault(key, set()).add(after.id)
        if before is not None:
            self.managed.add(after.id)

    def person_deleted(self, user_id: str, before: Keys | None) -> None:
        """Take in that somebody is gone."""
        self.folds |= folded_keys(before)
        self.folds.add(fold(user_id))
        self.deleted.add(user_id)
        self.managed.add(user_id)

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
    folded = fold(value)
    return list(zip(Kind, (value, value, folded, folded, value, folded), strict=True))
