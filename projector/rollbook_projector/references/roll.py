"""The members of one group, as far as a batch must know them, and what a batch changes of them; part of ``Book``."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, NamedTuple


class Membership(NamedTuple):
    """Why a person is a member: the id was sent, or so many other values that name the person, or both."""

    by_id: bool
    named: int


BY_ID: Final = Membership(by_id=True, named=0)
_NOT: Final = Membership(by_id=False, named=0)


class RollChanges(NamedTuple):
    """What is to be done to the rows of one group."""

    added: list[tuple[str, Membership]]
    kept: list[tuple[str, Membership]]
    removed: list[str]


@dataclass(slots=True)
class Roll:
    """One group's members; ``emptied`` means that all rows it had in the table are gone."""

    members: dict[str, Membership] = field(default_factory=dict)
    stored: dict[str, Membership | None] = field(default_factory=dict)
    """The rows in the table of those whose row changes."""
    emptied: bool = False
    _before: dict[str, bool] = field(default_factory=dict)
    """Whom the fact in hand touches, and whether they were members before it."""

    def sent(self, user_id: str, *, by_id: bool) -> None:
        """Note that the person's id stands on the roll, or no longer."""
        if (membership := self.members.get(user_id, _NOT)).by_id != by_id:
            self._put(user_id, membership._replace(by_id=by_id))

    def named(self, user_id: str, difference: int) -> None:
        """Note that one reference more, or less, names a person."""
        membership = self.members.get(user_id, _NOT)
        self._put(user_id, membership._replace(named=membership.named + difference))

    def strike(self, user_id: str) -> None:
        """End a membership, whatever it rests on."""
        if user_id in self.members:
            self._put(user_id, _NOT)

    def enrol(self, user_ids: Collection[str]) -> None:
        """Put people on the roll by their ids who are not members: many at once."""
        nothing = dict.fromkeys(user_ids)
        self.stored = {**nothing, **self.stored}
        self._before = {**dict.fromkeys(user_ids, False), **self._before}
        self.members |= dict.fromkeys(user_ids, BY_ID)

    def empty(self) -> None:
        """Forget everybody: the group is gone."""
        self.members.clear()
        self.stored.clear()
        self._before.clear()
        self.emptied = True

    def settle(self) -> tuple[list[str], list[str]]:
        """End a fact: return who is a member no longer and who has become one, sorted."""
        if not self._before:
            return [], []
        removed = sorted(one for one, was in self._before.items() if was and one not in self.members)
        added = sorted(one for one, was in self._before.items() if not was and one in self.members)
        self._before = {}
        return removed, added

    def changed(self) -> RollChanges:
        """Return the rows that differ from the table: whom to add, to keep for other reasons, to take off."""
        rows = [(user_id, before, self.members.get(user_id)) for user_id, before in self.stored.items()]
        return RollChanges(
            added=[(user_id, after) for user_id, before, after in rows if before is None and after is not None],
            kept=[(user_id, after) for user_id, before, after in rows if before and after and before != after],
            removed=[user_id for user_id, before, after in rows if before is not None and after is None],
        )

    def _put(self, user_id: str, membership: Membership) -> None:
        before = self.members.get(user_id)
        self.stored.setdefault(user_id, before)
        self._before.setdefault(user_id, before is not None)
        if membership == _NOT:
            self.members.pop(user_id, None)
        else:
            self.members[user_id] = membership
