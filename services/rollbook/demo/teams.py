"""Made-up groups of the made-up people, and what becomes of them between two cycles; the played providers push them."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from random import Random
from typing import Final, TypeAlias

from rollbook.demo.directory import Organization
from rollbook.demo.turnover import Staff

_TOPICS: Final = (
    *("Onboarding", "Fire Safety", "Data Protection", "First Aid", "Leadership Essentials", "Forklift Licence"),
    *("Código de conducta", "Führungskräfte", "Anti-Bribery & Corruption", 'The "Green" Line', "Hygiène O'Brien"),
)
_FEWEST, _MOST = 3, 500


@dataclass(frozen=True, slots=True)
class Team:
    """One group; ``number`` counts from 0, ``members`` are the numbers of people."""

    number: int
    object_id: str
    name: str
    members: frozenset[int]


Teams: TypeAlias = dict[int, Team]
"""The groups of an organization by number, as the identity provider's directory holds them at one moment."""


def sensible_number(people: int) -> int:
    """Return how many groups so many people have: one for ten, but some in any case, and not too many."""
    return max(_FEWEST, min(_MOST, people // 10))


def teams(organization: Organization, staff: Staff, count: int) -> Teams:
    """Make up groups: the first holds everybody, every tenth a third of all, the others a class of up to 30."""
    return {number: _team(organization, staff, number) for number in range(count)}


def first_changes(before: Teams, staff: Staff, joiners: Iterable[int]) -> Teams:
    """Return the groups after the first interval: joiners come in, some people leave, some groups are renamed."""
    joined = sorted(joiners)
    after = {}
    for number, team in before.items():
        members = team.members | (set(joined) if number == 0 else set(joined[number % 3 :: 3]))
        if number % 3 == 1:
            members -= {min(team.members, default=-1)}
            members |= {max(staff)}
        name = f"{team.name} (new)" if number % 4 == 2 else team.name
        after[number] = replace(team, name=name, members=frozenset(members))
    return after


def second_changes(before: Teams, staff: Staff, *, rename_back: bool) -> Teams:
    """Return the groups after the second interval: some people leave, and those who are gone are in none."""
    after = {}
    for number, team in before.items():
        members = team.members & staff.keys()
        if number % 3 == 2:
            members -= {max(members, default=-1)}
        name = team.name.removesuffix(" (new)") if rename_back else team.name
        after[number] = replace(team, name=name, members=frozenset(members))
    return after


def _team(organization: Organization, staff: Staff, number: int) -> Team:
    random = Random(f"{organization.seed}:team:{number}")  # noqa: S311  # made-up groups, no secrets
    object_id = str(uuid.UUID(int=random.getrandbits(128), version=4))
    if number == 0:
        return Team(number, object_id, f"Everybody at {organization.domain}", frozenset(staff))
    size = len(staff) // 3 if number % 10 == 1 else min(len(staff), random.randint(3, 30))
    name = f"{random.choice(_TOPICS)} {organization.employee_prefix}{number:04d}"
    return Team(number, object_id, name, frozenset(random.sample(sorted(staff), size)))
