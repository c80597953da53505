"""What happens in the made-up organization between two cycles: moves, marriages, leavers, returners, joiners."""

from dataclasses import replace
from typing import Final, TypeAlias

from rollbook.demo import directory
from rollbook.demo.directory import REPORTS, Organization, Person

Staff: TypeAlias = dict[int, Person]
"""The people of an organization by number, as the identity provider's directory holds them at one moment."""

NEW_NAME: Final = "Vasconcelos-Ó Súilleabháin"
"""The family name of everybody who marries."""


def first_changes(organization: Organization, staff: Staff, *, rename_sign_in: bool) -> Staff:
    """Return the staff after the first interval: some moved, married, left or joined.

    ``rename_sign_in`` gives the married a new userName and e-mail address too.
    """
    count = len(staff)
    after = {number: _changed(organization, person, rename_sign_in=rename_sign_in) for number, person in staff.items()}
    after |= {number: replace(after[number], active=False) for number in _leavers(count)}
    joiners = range(count, count + max(1, count // 50))
    return after | {number: directory.person(organization, number) for number in joiners}


def second_changes(staff: Staff) -> Staff:
    """Return the staff after the second interval: of those who left, some are back, some deleted, some stay away."""
    left = sorted(number for number, person in staff.items() if not person.active)
    after = dict(staff)
    for position, number in enumerate(left):
        if position % 3 == 0:
            after[number] = replace(staff[number], active=True)
        elif position % 3 == 1:
            del after[number]
    return after


def _changed(organization: Organization, person: Person, *, rename_sign_in: bool) -> Person:
    match person.number % 25:
        case 3 | 13:
            return _moved(person)
        case 7:
            return _married(organization, person, rename_sign_in=rename_sign_in)
        case _:
            return person


def _moved(person: Person) -> Person:
    choices = directory.departments(person.division)
    department = choices[(choices.index(person.department) + 1) % len(choices)]
    return replace(person, department=department, title=f"Senior {person.title}", cost_center="CC-0042")


def _married(organization: Organization, person: Person, *, rename_sign_in: bool) -> Person:
    married = replace(person, family_name=NEW_NAME)
    if not rename_sign_in:
        return married
    names = (person.given_name, NEW_NAME, person.number, organization.domain)
    return replace(married, user_name=directory.sign_in_name(*names), email=directory.mail_address(*names))


def _leavers(count: int) -> list[int]:
    """Return every twentieth person, but nobody to whom others report."""
    managers = (count - 2) // REPORTS + 1 if count > 1 else 0
    return [number for number in range(9, count, 20) if number >= managers]
