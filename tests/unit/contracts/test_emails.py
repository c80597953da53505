"""Which address stands for a person."""

from typing import Any

import pytest

from rollbook_contracts.emails import matching_type, principal_email


@pytest.mark.parametrize(
    ("emails", "wanted"),
    [
        ([], None),
        ([{"value": "a"}], "a"),
        ([{"value": "a", "type": "home"}], "a"),
        ([{"value": "a", "type": "home"}, {"value": "b", "type": "work"}], "b"),
        ([{"value": "a", "type": "home", "primary": True}, {"value": "b", "type": "WORK"}], "b"),
        ([{"value": "a", "type": "work"}, {"value": "b", "type": "work", "primary": True}], "a"),
        ([{"value": "a", "type": "home"}, {"value": "b", "type": "other", "primary": True}], "b"),
        ([{"value": "a"}, {"value": "b", "primary": True}], "b"),
        ([{"value": "a", "type": "home", "primary": True}, {"value": "b"}], "a"),
        ([{"value": "a", "type": "home"}, {"value": "b", "type": "other"}], None),
        ([{"value": "a"}, {"value": "b"}], None),
        ([{"type": "work"}, {"value": "b", "type": "home", "primary": True}], "b"),
        ([{"type": "work"}, {"value": "b", "type": "home"}], "b"),
        ([{"type": "work", "value": ""}], None),
        ([{"value": "a", "type": "\uff37\uff4f\uff52\uff4b"}, {"value": "b", "primary": True}], "a"),
    ],
)
def test_work_then_primary_then_only_address(emails: list[dict[str, Any]], wanted: str | None) -> None:
    """The work address stands for the person, else the primary, else the only one; one without a value is none."""
    assert principal_email(emails) == wanted


@pytest.mark.parametrize(
    ("email", "count", "wanted"),
    [
        ({"type": "Home", "primary": True}, 1, "home"),
        ({}, 1, "work"),
        ({"primary": True}, 2, "work"),
        ({"primary": False}, 2, None),
        ({}, 2, None),
        ({"type": None}, 1, "work"),
    ],
)
def test_missing_type_counts_as_work(email: dict[str, Any], count: int, wanted: str | None) -> None:
    """Okta leaves the type out (C17): the only or the primary address counts as the work address then."""
    assert matching_type(email, count) == wanted
