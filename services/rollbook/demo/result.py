"""What a play of an identity provider did, and what the LMS must hold after it; `rollbook demo` and tests read it."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from rollbook.demo.directory import Person

Progress: TypeAlias = Callable[[int, int], None]
"""Told how many steps of how many are done."""

CREATED = "user.created.v1"
UPDATED = "user.updated.v1"
DEACTIVATED = "user.deactivated.v1"
REACTIVATED = "user.reactivated.v1"
DELETED = "user.deleted.v1"


class GroupShown(NamedTuple):
    """A group as the tables must show it; ``members`` are ids."""

    name: str
    members: frozenset[str]


@dataclass(frozen=True, slots=True)
class DemoResult:
    """The outcome of one play.

    ``rows`` are the people by their id, with the values that columns of ``lms.users`` must show; ``gone`` the ids of
    those who must be in no row; ``histories`` the types of the changes that each person's own writes must have made, in
    order; ``groups`` the groups by their id; ``managers`` the manager's id by the person's, where the play decides it.
    """

    provider: str
    rows: Mapping[str, Mapping[str, object]]
    gone: frozenset[str]
    requests: Mapping[str, int]
    histories: Mapping[str, tuple[str, ...]]
    groups: Mapping[str, GroupShown] = field(default_factory=dict)
    managers: Mapping[str, str] = field(default_factory=dict)

    @property
    def changes(self) -> Mapping[str, int]:
        """How many changes of each type there must be."""
        return Counter(change for history in self.histories.values() for change in history)


def row_of(user_id: str, person: Person, *, external_id: str) -> dict[str, object]:
    """Return what ``lms.users`` must show of a person."""
    return {
        "id": user_id,
        "user_name": person.user_name,
        "display_name": person.display_name,
        "given_name": person.given_name,
        "family_name": person.family_name,
        "email": person.email,
        "employee_id": person.employee_number,
        "external_id": external_id,
        "active": person.active,
        "region": person.region,
        "division": person.division,
        "department": person.department,
        "hire_date": person.hire_date,
        "custom_field1": person.cost_center,
        "custom_field2": person.locality,
    }


def change_type(*, was_active: bool, is_active: bool) -> str:
    """Return the type of the change that an update makes."""
    if was_active == is_active:
        return UPDATED
    return REACTIVATED if is_active else DEACTIVATED
