"""Entra's requests, compared with the recorded and documented ones."""

from typing import Any

import pytest

from rollbook.demo.directory import Organization, person
from rollbook.demo.entra_mapping import MANAGER, WORK_EMAIL, Attributes, attributes, create_body, manager_of, read
from rollbook.demo.entra_patch import Dialect, differences, manager_body, patch_body
from rollbook_contracts.urns import ENTERPRISE, ILMS, USER

SOMEBODY = person(Organization("acme.example", seed=7, employee_prefix="1"), 4)


def operations(changes: Attributes, present: Attributes, dialect: Dialect) -> Any:
    body = patch_body(changes, present, dialect)
    assert body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]
    return body["Operations"]


def test_the_custom_extension_is_nested_but_not_listed() -> None:
    """Entra leaves the URN of a custom extension out of schemas."""
    body = create_body(attributes(SOMEBODY))
    assert body["schemas"] == [USER, ENTERPRISE]
    assert body[ILMS]["region"] == SOMEBODY.region
    assert body["emails"] == [{"primary": True, "type": "work", "value": SOMEBODY.email}]
    assert body["meta"] == {"resourceType": "User"}


def test_what_was_posted_reads_back_as_the_same_attributes() -> None:
    """Else every cycle would find differences."""
    wanted = attributes(SOMEBODY)
    assert read(create_body(wanted), wanted) == wanted
    assert differences(wanted, read(create_body(wanted), wanted)) == {}


def test_the_default_form_capitalises_and_writes_booleans_as_text() -> None:
    """One operation for each attribute."""
    changes: Attributes = {"active": False, WORK_EMAIL: "n@x.com", "title": "T"}
    assert operations(changes, {"active": True, WORK_EMAIL: "o@x.com"}, "default") == [
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "Replace", "path": WORK_EMAIL, "value": "n@x.com"},
        {"op": "Add", "path": "title", "value": "T"},
    ]


def test_the_flags_form_gathers_plain_attributes_into_one_operation_without_a_path() -> None:
    """Filtered paths stay operations of their own."""
    changes: Attributes = {WORK_EMAIL: "t@x.com", "displayName": "B", "name.givenName": "K", f"{ILMS}:region": "EMEA"}
    assert operations(changes, dict.fromkeys(changes, "old"), "flag") == [
        {"op": "replace", "path": WORK_EMAIL, "value": "t@x.com"},
        {"op": "replace", "value": {"displayName": "B", "name.givenName": "K", f"{ILMS}:region": "EMEA"}},
    ]


def test_the_flags_form_writes_a_single_attribute_with_its_path() -> None:
    """As documented for deactivation: a real boolean."""
    assert operations({"active": False}, {"active": True}, "flag") == [
        {"op": "replace", "path": "active", "value": False}
    ]


@pytest.mark.parametrize(("dialect", "present", "verb"), [("default", None, "Add"), ("flag", "usr_1", "replace")])
def test_a_manager_is_a_bare_string(dialect: Dialect, present: str | None, verb: str) -> None:
    """Added where there was none, else replaced."""
    body = manager_body("usr_2", present=present, dialect=dialect)
    assert body["Operations"] == [{"op": verb, "path": MANAGER, "value": "usr_2"}]


def test_a_manager_is_read_from_an_object() -> None:
    """A bare string in an answer would break Entra."""
    assert manager_of({ENTERPRISE: {"manager": {"value": "usr_1"}}}) == "usr_1"
    assert manager_of({ENTERPRISE: {}}) is None
