"""The book of references of one tenant: from one fact to the memberships and managers that it makes and unmakes.

Pure. ``Batch`` tells it of each fact that touches people, groups or members, in order, and then asks what came of it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from rollbook_contracts.facts.membership import MOST_MEMBERS
from rollbook_contracts.folding import fold_reference
from rollbook_projector.references.people import Directory, Keys, changed_keys, folded_keys
from rollbook_projector.references.roll import Roll
from rollbook_projector.references.sent import Reference, SentReferences, sent
from rollbook_projector.weight import REFERENCE


class What(IntEnum):
    """The kinds of effects, in the order in which those of one fact take place."""

    MEMBERS_REMOVED = 0
    MEMBERS_ADDED = 1
    MANAGER_UNASSIGNED = 2
    MANAGER_ASSIGNED = 3


class Effect(NamedTuple):
    """A link made or undone; effects of one fact take place in the order of these tuples."""

    what: What
    resource: str
    """The group, or the person who has the manager."""
    chunk: int
    people: tuple[str, ...]


@dataclass(slots=True)
class Book:
    """Who is whose member and manager, as far as a batch must know it, moved on fact by fact."""

    directory: Directory
    references: SentReferences = field(default_factory=SentReferences)
    rolls: dict[str, Roll] = field(default_factory=dict)
    managers: dict[str, str | None] = field(default_factory=dict)
    """Whose manager is who, of all those whose references are known."""
    work: int = 0
    """What was done so far, in values of members."""
    _opened: set[str] = field(default_factory=set)
    """The groups whose rolls the fact in hand may change."""
    _had: dict[str, str | None] = field(default_factory=dict)
    """Whose manager the fact in hand may change, and who that was before it."""
    _shown: set[str] = field(default_factory=set)
    """The groups that show other members since the fact in hand: people, or values that wait."""

    def person_changed(self, before: Keys | None, after: Keys, managers: Sequence[str | None], *, since: str) -> None:
        """Take in a person who is new or changed, with the values for the manager that were sent, in their order."""
        self._move(before, after)
        self._manage(after.id, managers, since)

    def person_deleted(self, user_id: str, keys: Keys | None) -> None:
        """Take in that a person is gone for good: memberships end by whatever name, managers are waited for again."""
        for folded in folded_keys(keys) | {fold_reference(user_id)}:
            for reference in self.references.named_by(folded):
                if reference.kind == "member" and user_id in (reference.user_id, reference.value):
                    self._unlink(reference)
        for group in [group for group, roll in self.rolls.items() if user_id in roll.members]:
            self.roll(group).strike(user_id)
            self.work += REFERENCE
        for reference in self.references.held_by("manager", user_id):
            self.references.drop(reference)
        self.managers.pop(user_id, None)
        self.directory.bury(user_id)
        self._move(keys, None, user_id)

    def add(self, group: str, values: Collection[str], *, since: str) -> None:
        """Take in members of a group; who is there already stays as it is."""
        self.work += len(values)
        for value in values:
            self._add(group, value, since)

    def remove(self, group: str, values: Collection[str]) -> None:
        """Strike each reference that equals a value, and all by which the person is a member whom the value names."""
        roll = self.roll(group)
        self.work += len(values)
        for value in values:
            if reference := self.references.get(("member", group, value)):
                self._unlink(reference)
            if named := self.directory.link(value):
                for reference in self.references.members_named(group, named):
                    self._unlink(reference)
                roll.sent(named, by_id=False)

    def replace(self, group: str, values: Iterable[str], *, since: str) -> None:
        """Put others in the place of all members of a group, of which everything must be known."""
        roll = self.roll(group)
        wanted = set(values)
        self.work += len(wanted) + len(roll.members)
        there = {one for one, membership in roll.members.items() if membership.by_id}
        new = wanted - there
        present = new & self.directory.present
        for reference in self.references.held_by("member", group):
            if reference.value not in wanted:
                self._unlink(reference)
        for one in there - wanted:
            roll.sent(one, by_id=False)
        for one in present & roll.members.keys():
            roll.sent(one, by_id=True)
        roll.enrol(sorted(present - roll.members.keys()))
        for value in sorted(new - self.directory.present):
            self._add(group, value, since)

    def close(self, group: str) -> None:
        """Take in that a group is gone with all of its members: no change but its own."""
        self.references.forget_all(group)
        self.roll(group).empty()

    def roll(self, group: str) -> Roll:
        """Return what is known of a group's members, which the fact in hand may change."""
        self._opened.add(group)
        return self.rolls.setdefault(group, Roll())

    def settle(self) -> list[Effect]:
        """End a fact: return what it did to memberships and managers, in order."""
        effects: list[Effect] = []
        for group in self._opened:
            for what, people in zip(
                (What.MEMBERS_REMOVED, What.MEMBERS_ADDED), self.rolls[group].settle(), strict=True
            ):
                effects += (Effect(what, group, chunk, part) for chunk, part in enumerate(_chunks(people)))
        for user_id, before in self._had.items():
            after = self.managers.get(user_id)
            if before != after and user_id in self.managers:
                effects += _reassigned(user_id, before, after)
        self._opened, self._had = set(), {}
        self._shown |= {one.resource for one in effects if one.what in {What.MEMBERS_REMOVED, What.MEMBERS_ADDED}}
        effects.sort()
        return effects

    def shown(self) -> set[str]:
        """Return, once, the groups that show other members since the fact that ``settle`` ended."""
        shown, self._shown = self._shown, set()
        return shown

    def _move(self, before: Keys | None, after: Keys | None, user_id: str = "") -> None:
        """Let a person have other keys, and look again at each reference that an old or a new one may fit."""
        self.directory.move(before, after)
        for folded in changed_keys(before, after) | ({fold_reference(user_id)} if user_id else set()):
            named = self.references.named_by(folded)
            self.work += REFERENCE * len(named)
            for reference in named:
                self._relink(reference)

    def _relink(self, reference: Reference) -> None:
        link = self.directory.link(reference.value)
        gone = link is None and self.directory.is_gone(reference.value)
        if (link, gone) != (reference.user_id, reference.target_deleted):
            self._put(reference, link, gone=gone)

    def _add(self, group: str, value: str, since: str) -> None:
        if self.directory.is_gone(value):
            return
        link = self.directory.link(value)
        if link == value:
            self.roll(group).sent(value, by_id=True)
        elif self.references.get(("member", group, value)) is None:
            self._put(sent("member", group, value, since=since), link, gone=False)

    def _manage(self, user_id: str, values: Sequence[str | None], since: str) -> None:
        """Let a person have exactly these references to a manager; the first of equal values counts."""
        ranks = {value: rank for rank, value in reversed(list(enumerate(values))) if value}
        known = {reference.value: reference for reference in self.references.held_by("manager", user_id)}
        for value in known.keys() - ranks.keys():
            self._unlink(known[value])
        for value, rank in ranks.items():
            reference = known.get(value)
            if reference is None:
                new = sent("manager", user_id, value, since=since, rank=rank)
                link = self.directory.link(value)
                self._put(new, link, gone=link is None and self.directory.is_gone(value))
            elif reference.rank != rank:
                self._put(reference._replace(rank=rank), reference.user_id, gone=reference.target_deleted)

    def _put(self, reference: Reference, link: str | None, *, gone: bool) -> None:
        """Keep a reference with whom it names; a member whose id it is needs none, and one who is gone has none."""
        before = self.references.get(reference.key)
        waited, waits = before is not None and before.user_id is None, link is None and not gone
        if reference.kind == "member" and waited != waits:
            self._shown.add(reference.holder)
        if before is not None and (reference.kind == "member" and (gone or link == reference.value)):
            self.references.drop(before)
        else:
            self.references.put(reference._replace(user_id=link, target_deleted=gone))
        self._count(reference, before.user_id if before else None, link)

    def _unlink(self, reference: Reference) -> None:
        if reference.kind == "member" and reference.user_id is None:
            self._shown.add(reference.holder)
        self.references.drop(reference)
        self._count(reference, reference.user_id, None)

    def _count(self, reference: Reference, before: str | None, after: str | None) -> None:
        """Draw the consequence of a reference that names somebody else: for the roll, or for whose manager is who."""
        if reference.kind == "manager":
            self._reassign(reference.holder)
            return
        roll = self.roll(reference.holder)
        if before is not None:
            roll.named(before, -1)
        if after == reference.value:
            roll.sent(after, by_id=True)
        elif after is not None:
            roll.named(after, +1)

    def _reassign(self, user_id: str) -> None:
        self._had.setdefault(user_id, self.managers.get(user_id))
        linked = [one for one in self.references.held_by("manager", user_id) if one.user_id is not None]
        self.managers[user_id] = min(linked, key=_rank).user_id if linked else None


def _rank(reference: Reference) -> int:
    return reference.rank


def _chunks(people: Sequence[str]) -> Iterable[tuple[str, ...]]:
    return (tuple(people[start : start + MOST_MEMBERS]) for start in range(0, len(people), MOST_MEMBERS))


def _reassigned(user_id: str, before: str | None, after: str | None) -> Iterable[Effect]:
    if before is not None:
        yield Effect(What.MANAGER_UNASSIGNED, user_id, 0, (before,))
    if after is not None:
        yield Effect(What.MANAGER_ASSIGNED, user_id, 0, (after,))
