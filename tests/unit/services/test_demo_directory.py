"""The made-up people: the same for everybody who asks, and awkward enough."""

import msgspec

from rollbook.demo.directory import REPORTS, Organization, people, person
from rollbook.demo.entra_mapping import attributes, create_body

ORGANIZATION = Organization("acme.example", seed=7, employee_prefix="1")
REGIONS = {"US-East", "US-West", "EMEA", "APAC"}


def test_a_person_is_the_same_in_a_small_and_in_a_large_organization() -> None:
    """Whoever compares tables with the directory makes it up again."""
    assert people(ORGANIZATION, 200)[17] == people(ORGANIZATION, 18)[17] == person(ORGANIZATION, 17)


def test_another_seed_gives_other_people() -> None:
    """Two providers in one tenant must not send the same people."""
    other = Organization("acme.example", seed=8, employee_prefix="2")
    assert person(ORGANIZATION, 17).object_id != person(other, 17).object_id


def test_what_must_be_unique_is_unique_without_case() -> None:
    """Sign-in names, addresses, employee numbers and object ids are claims or keys."""
    staff = people(ORGANIZATION, 3000).values()
    for name in ("user_name", "email", "employee_number", "object_id"):
        assert len({getattr(each, name).lower() for each in staff}) == 3000, name


def test_managers_are_people_with_smaller_numbers() -> None:
    """Nobody manages in a circle, and nobody has too many reports."""
    staff = people(ORGANIZATION, 500)
    managed = [each for each in staff.values() if each.manager is not None]
    assert len(managed) == 499
    assert all(each.manager is not None and each.manager < each.number for each in managed)
    assert all(sum(each.manager == boss for each in managed) <= REPORTS for boss in staff)


def test_names_have_marks_apostrophes_and_length() -> None:
    """The demonstration shows what breaks careless code."""
    names = " ".join(each.display_name for each in people(ORGANIZATION, 300).values())
    assert not names.isascii()
    assert "'" in names
    assert max(map(len, names.split())) > 30
    assert all(each.user_name.isascii() and " " not in each.user_name for each in people(ORGANIZATION, 300).values())


def test_regions_are_those_of_the_demo_tenant() -> None:
    """Anything else would be refused."""
    assert {each.region for each in people(ORGANIZATION, 300).values()} == REGIONS


def test_an_entra_shaped_person_is_about_a_kilobyte() -> None:
    """The bench says that its requests are so large."""
    sizes = [len(msgspec.json.encode(create_body(attributes(each)))) for each in people(ORGANIZATION, 100).values()]
    assert 900 < min(sizes) <= max(sizes) < 1500
