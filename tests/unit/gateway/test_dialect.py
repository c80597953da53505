"""Departures of identity providers, value by value."""

from typing import Any

import pytest

from rollbook_contracts.urns import ENTERPRISE, ILMS
from rollbook_gateway.dialect import authorization, entra, misprints, okta, tenant_url, unquoted
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


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("urn:ietf:params:scim:schemas:extension:ilms:20:User:region", f"{ILMS}:region"),
        ("urn:ietf:params:scim:schemas:extension:ilms:2. 0:User", ILMS),
        ("urn:ietf:params:scim:schemas:extension:ilms:20:User:manager.displayNa me", f"{ILMS}:manager.displayName"),
        (f"{ENTERPRISE}:departnment", f"{ENTERPRISE}:department"),
        ("Departnment", "department"),
        (f"{ILMS}:custom\tField1", f"{ILMS}:customField1"),
        (f"{ILMS}:region", f"{ILMS}:region"),
        ("urn:x:ilms:205:User:region", "urn:x:ilms:205:User:region"),
        ("urn:x:other:20:User:region", "urn:x:other:20:User:region"),
        ("subdepartnment", "subdepartnment"),
    ],
)
def test_misprints_of_the_guide(path: str, wanted: str) -> None:
    """Each of the guide's misprints is read as what it stands for, and nothing that only looks like one."""
    assert misprints.right_spelling(path) == wanted


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ('emails[type eq "a b"].val ue', 'emails[type eq "a b"].value'),
        (" manager . displayNa me", "manager.displayName"),
        ('e mails[value eq "] x"]', 'emails[value eq "] x"]'),
    ],
)
def test_blanks_in_paths(path: str, wanted: str) -> None:
    """Blanks go from names and stay in values."""
    assert misprints.path_without_blanks(path) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('displayNa me eq "a b"', 'displayName eq "a b"'),
        ('title pr and displayNa me eq "x"', 'title pr and displayName eq "x"'),
        ('not (displayNa me pr) or e mails[ty pe eq "x"]', 'not (displayName pr) or emails[type eq "x"]'),
        ('userName eq "x and y z eq w"', 'userName eq "x and y z eq w"'),
    ],
)
def test_blanks_in_filters(text: str, wanted: str) -> None:
    """Blanks go from names, whatever stands beside them."""
    assert misprints.filter_without_blanks(text) == wanted


@pytest.mark.parametrize(
    ("text", "shape", "literals"),
    [
        ("externalId eq jyoung", 'externalId eq "0"', ["jyoung"]),
        ("emails[type eq work].value", 'emails[type eq "0"].value', ["work"]),
        ("(a eq b) and c EQ d", '(a eq "0") and c EQ "1"', ["b", "d"]),
        ('a eq "b eq c" and d eq e\\f', 'a eq "0" and d eq "1"', ['"b eq c"', "e\\f"]),
        ("title pr", "title pr", []),
        ('a eq "open', 'a eq "open', []),
    ],
)
def test_values_are_lifted_out_with_and_without_quotes(text: str, shape: str, literals: list[str]) -> None:
    """A value ends at a blank or a bracket, or where its quotes do."""
    assert unquoted.lifted(text) == (shape, literals)


@pytest.mark.parametrize("literal", ["'a'", "`a`", "\u201ca\u201d", "\u2018a\u2019", "\u00aba\u00bb", "'a", "a'", "'"])
def test_quotes_of_other_kinds_are_seen(literal: str) -> None:
    """Single, curly and back quotes are no part of a value, so that it cannot be taken as it stands."""
    assert unquoted.in_other_quotes(literal)


@pytest.mark.parametrize("literal", ["\"'a'\"", "o'brien", "a", '""'])
def test_quotes_inside_a_value_are_a_part_of_it(literal: str) -> None:
    """What stands within JSON's quotes, or in the middle, is the value's own."""
    assert not unquoted.in_other_quotes(literal)


@pytest.mark.parametrize(
    ("text", "of_text", "wanted"),
    [
        ("jyoung", True, "jyoung"),
        ("00701984", True, "00701984"),
        ("1.50", True, "1.50"),
        ("true", True, "true"),
        ("null", True, None),
        ("TRUE", False, True),
        ("5", False, 5),
        ("2024-01-15", False, "2024-01-15"),
    ],
)
def test_value_as_it_is_compared(text: str, of_text: bool, wanted: Any) -> None:
    """Text is taken to the letter; elsewhere numbers, true and false are what they say."""
    assert unquoted.value(text, of_text=of_text) == wanted


@pytest.mark.parametrize("header", ["x", "Bearer x", "bearer x", "Bearer  x ", "Bearer Bearer x", "BEARER bearer x"])
def test_credentials_behind_any_scheme(header: str) -> None:
    """The scheme may be missing, in any case, or there twice."""
    assert authorization.credentials(header) == "x"


@pytest.mark.parametrize("header", ["", "Bearer", "Basic x", "Bearer x y", "Bearer Basic x"])
def test_no_credentials(header: str) -> None:
    """Another scheme, or more than one word, is no token."""
    assert authorization.credentials(header) == ""


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        ("/scim/a/v2/?aadOptscim062020/Users", "/scim/a/v2/Users"),
        ("/scim/a/v2?aadOptscim062020/Users/usr_1", "/scim/a/v2/Users/usr_1"),
        ("/scim/a/v2/?f=aadOptscim062020/Users?filter=a/b?c", "/scim/a/v2/Users?filter=a/b?c"),
        ("/scim/a/v2//Users/", "/scim/a/v2/Users"),
        ("/scim/a/v2/Users/?count=1", "/scim/a/v2/Users?count=1"),
        ("/scim/a/v2/", "/scim/a/v2"),
    ],
)
def test_ends_of_tenant_urls(target: str, wanted: str) -> None:
    """What a Tenant URL ends in falls away, wherever what comes behind it has landed."""
    assert tenant_url.clean_target(target) == wanted


@pytest.mark.parametrize(
    "target",
    ["/scim/a/v2/Users?filter=x/y", "/scim/a/v2?x=y", "/scim/a/v2/Users/a//b", "/livez/", "/scim/a//v2/", "*", ""],
)
def test_other_targets_stay_as_they_are(target: str) -> None:
    """Nothing else is touched."""
    assert tenant_url.clean_target(target) == target
