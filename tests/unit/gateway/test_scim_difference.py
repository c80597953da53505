"""Differences: which attribute names a write changes."""

from rollbook_contracts.urns import ENTERPRISE, ILMS
from rollbook_gateway.scim.difference import changed_attributes


def test_changed_names_are_sorted_and_qualified() -> None:
    """Attributes that differ, came or went are named; those of an extension with its URN."""
    old = {"userName": "a", "title": "x", "name": {"givenName": "A"}, ENTERPRISE: {"department": "D"}}
    new = {"userName": "a", "active": True, "name": {"givenName": "B"}, ILMS: {"region": "R"}}

    assert changed_attributes(old, new) == [
        "active",
        "name",
        "title",
        f"{ENTERPRISE}:department",
        f"{ILMS}:region",
    ]


def test_equal_documents_have_no_difference() -> None:
    """The order of names makes no difference."""
    assert changed_attributes({"a": 1, "b": [1]}, {"b": [1], "a": 1}) == []
