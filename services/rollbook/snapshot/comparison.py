"""A snapshot compared with the tables: what is to be done, what is left alone, what waits; pure, for `importing`."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from rollbook.snapshot.groups import compare_groups, compare_members
from rollbook.snapshot.lines import Problem, Snapshot
from rollbook.snapshot.managers import compare_managers
from rollbook.snapshot.people import compare_people
from rollbook.snapshot.present import Present
from rollbook.snapshot.steps import (
    AddMembers,
    ChangeGroup,
    ChangeUser,
    CreateGroup,
    CreateUser,
    DeactivateUser,
    RemoveMembers,
    SetManager,
    Step,
)

COUNTED: Final[dict[type[Step], str]] = {
    CreateUser: "users_created",
    ChangeUser: "users_changed",
    DeactivateUser: "users_deactivated",
    CreateGroup: "groups_created",
    ChangeGroup: "groups_changed",
    AddMembers: "members_added",
    RemoveMembers: "members_removed",
    SetManager: "managers_set",
}
"""What each kind of step is counted as; members one by one."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to happen to what the tables hold and the snapshot does not: left alone, unless one of these is set."""

    deactivate_missing: bool = False
    remove_missing_members: bool = False


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """What the tables hold and the snapshot does not: people, groups, and members of the snapshot's groups."""

    users: int = 0
    groups: int = 0
    members: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is to be done, in the order in which it can be; nothing of it may be done where there are problems."""

    steps: tuple[Step, ...] = ()
    left_alone: LeftAlone = field(default_factory=LeftAlone)
    waiting: int = 0
    """Members and managers whom the snapshot names and who are nobody: they are sent, and wait."""
    problems: tuple[Problem, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Return how much of each kind is to be done."""
        return counted(self.steps)


def counted(steps: "tuple[Step, ...] | list[Step]") -> dict[str, int]:
    """Count steps by kind, members one by one; every kind is there."""
    found = Counter(dict.fromkeys(COUNTED.values(), 0))
    for step in steps:
        found[COUNTED[type(step)]] += len(step.members) if isinstance(step, AddMembers | RemoveMembers) else 1
    return dict(found)


def compare(snapshot: Snapshot, present: Present, wish: Wish) -> Comparison:
    """Compare a snapshot with the tables."""
    people = compare_people(snapshot.users, present, deactivate_missing=wish.deactivate_missing)
    groups = compare_groups(snapshot.groups, present.groups)
    members = compare_members(
        snapshot.memberships, groups, present.groups, people.names, remove_missing=wish.remove_missing_members
    )
    managers = compare_managers(snapshot.managers, people, present)
    problems = [*snapshot.problems, *people.problems, *groups.problems, *members.problems, *managers.problems]
    return Comparison(
        steps=(*people.steps, *groups.steps, *members.steps, *managers.steps),
        left_alone=LeftAlone(len(people.missing), groups.missing, members.left),
        waiting=members.waiting + managers.waiting,
        problems=tuple(sorted(problems)),
    )
