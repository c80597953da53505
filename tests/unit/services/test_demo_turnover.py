"""What happens between two cycles: every kind of change, and nobody's manager leaves."""

from rollbook.demo.directory import Organization, people
from rollbook.demo.turnover import first_changes, second_changes

ORGANIZATION = Organization("acme.example", seed=7, employee_prefix="1")


def test_the_first_interval_moves_marries_deactivates_and_hires() -> None:
    """Each is a different request of a provider."""
    before = people(ORGANIZATION, 200)
    after = first_changes(ORGANIZATION, before, rename_sign_in=True)
    both = [(before[number], after[number]) for number in before]
    assert sum(old.department != new.department for old, new in both) == 16
    assert sum(old.user_name != new.user_name and old.email != new.email for old, new in both) == 8
    assert sum(not new.active for _, new in both) == 9
    assert len(after) == 204


def test_names_change_without_the_sign_in_name_where_that_is_asked() -> None:
    """Okta finds people by userName alone."""
    before = people(ORGANIZATION, 200)
    after = first_changes(ORGANIZATION, before, rename_sign_in=False)
    assert sum(before[number].family_name != after[number].family_name for number in before) == 8
    assert all(before[number].user_name == after[number].user_name for number in before)


def test_who_left_comes_back_or_is_deleted_or_stays_away() -> None:
    """The second interval ends each absence in its own way."""
    left = first_changes(ORGANIZATION, people(ORGANIZATION, 200), rename_sign_in=True)
    after = second_changes(left)
    away = [number for number, person in left.items() if not person.active]
    assert sum(number in after and after[number].active for number in away) == 3
    assert sum(number not in after for number in away) == 3
    assert sum(number in after and not after[number].active for number in away) == 3


def test_nobody_with_reports_leaves() -> None:
    """A deleted manager would be a different demonstration."""
    for count in (1, 2, 10, 12, 100, 1000):
        staff = first_changes(ORGANIZATION, people(ORGANIZATION, count), rename_sign_in=True)
        left = {number for number, person in staff.items() if not person.active}
        reported_to = {person.manager for person in people(ORGANIZATION, count).values()}
        assert not left & reported_to
