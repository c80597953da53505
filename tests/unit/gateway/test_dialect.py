"""Departures of identity providers, value by value."""

from typing import Any

import pytest

from rollbook_contracts.urns import ENTERPRISE
from rollbook_gateway.dialect import entra, okta
from rollbook_gateway.dialect.absence import is_absent


@pytest.mark.parametrize("value", [None, "", [], {}])
def test_emptiness_means_absence(value: Any) -> None:
    """Null and whatever is empty stand for no value."""
    assert is_absent(value)


@pytest.mark.parametrize("value", [False, 0, 0.0, " ", [None], {"value": ""}])
def test_falsehood_is_a_value(value: Any) -> None:
    """False, zero and blanks are values; what lists and objects hold is looked at when it is read."""
    assert not is_absent(value)


@pytest.mark.parametrize(
    ("text", "boolean"),
    [("True", True), ("FALSE", False), ("true", True), ("1", None), ("yes", None), ("", None)],
)
def test_booleans_in_text(text: str, boolean: object) -> None:
    """The two words are read in any case, nothing else is."""
    assert entra.boolean_from_text(text) is boolean


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("manager", f"{ENTERPRISE}:manager"),
        ("Manager.displayName", f"{ENTERPRISE}:Manager.displayName"),
        ("manager.$ref", f"{ENTERPRISE}:manager.$ref"),
        (f"{ENTERPRISE.upper()}:manager.ID", f"{ENTERPRISE}:manager.value"),
        ("managers", "managers"),
        ("urn:x:y:manager.id", "urn:x:y:manager.id"),
        ("department", "department"),
    ],
)
def test_paths_to_a_manager(path: str, wanted: str) -> None:
    """Only the manager is known without its URN, and only its ``id`` is another name for ``value``."""
    assert entra.manager_path(path) == wanted


def test_text_stands_for_the_part_that_identifies() -> None:
    """Bare text is the ``value``, else the ``id``, of a complex attribute that has one."""
    assert entra.reference_object("u", {"value", "$ref"}) == {"value": "u"}
    assert entra.reference_object("u", {"id", "email"}) == {"id": "u"}
    assert entra.reference_object("u", {"givenName"}) is None


@pytest.mark.parametrize(
    ("element", "wanted"),
    [
        ({"value": '{"id":"1","value":"25","displayName":"R"}'}, {"value": "25", "display": "R"}),
        ({"value": '{"value":"25"}', "primary": True}, {"value": "25", "primary": True}),
        ({"value": "{25}"}, {"value": "{25}"}),
        ({"value": '{"value":25}'}, {"value": '{"value":25}'}),
        ({"value": "Admin"}, {"value": "Admin"}),
        ({"display": "Admin"}, {"display": "Admin"}),
    ],
)
def test_roles_in_text(element: dict[str, Any], wanted: dict[str, Any]) -> None:
    """An object in text is taken apart where it has a value; everything else stays as it is."""
    assert entra.role_from_json_text(element) == wanted


def test_lists_of_one() -> None:
    """A list is a list, and anything else its only element."""
    assert okta.elements([1, 2]) == [1, 2]
    assert okta.elements({"value": "x"}) == [{"value": "x"}]
