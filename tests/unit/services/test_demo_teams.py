"""The made-up groups: the same for the same seed, and what becomes of them is every kind of change."""

from rollbook.demo import entra, okta, teams
from rollbook.demo.directory import Organization, people

ORGANIZATION = Organization("acme.example", seed=7, employee_prefix="1")
STAFF = people(ORGANIZATION, 120)


def test_groups_are_the_same_for_the_same_seed() -> None:
    """Playing again finds them."""
    assert teams.teams(ORGANIZATION, STAFF, 12) == teams.teams(ORGANIZATION, STAFF, 12)


def test_the_first_group_holds_everybody_and_no_two_have_one_name() -> None:
    """A group's name is unique; case does not count."""
    found = teams.teams(ORGANIZATION, STAFF, 200)
    assert found[0].members == STAFF.keys()
    assert len({team.name.casefold() for team in found.values()}) == 200
    assert all(team.members <= STAFF.keys() and team.members for team in found.values())
    assert len(found[11].members) == 40


def test_how_many_groups_there_are_depends_on_the_people() -> None:
    """One for ten, within limits."""
    assert [teams.sensible_number(count) for count in (1, 100, 100_000)] == [3, 10, 500]


def test_members_come_and_go_and_groups_are_renamed() -> None:
    """Between the cycles; who is purged is in no group any more."""
    before, middle, after = entra.directory(200, 20)
    pairs = [(before.teams[number], middle.teams[number]) for number in before.teams]
    assert sum(old.name != new.name for old, new in pairs) == 5
    assert sum(bool(old.members - new.members) for old, new in pairs) >= 5
    assert sum(bool(new.members - old.members) for old, new in pairs) >= 15
    assert middle.teams[0].members == middle.staff.keys()
    assert all(team.members <= after.staff.keys() for team in after.teams.values())


def test_okta_has_renamed_groups_back_in_the_end() -> None:
    """It matches by name alone."""
    intervals = okta.directory(100, 10)
    names = [[team.name for team in found.values()] for _, found in intervals]
    assert names[0] == names[2] != names[1]
