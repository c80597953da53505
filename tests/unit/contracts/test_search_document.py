"""The document as filters see it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollbook_contracts.folding import fold
from rollbook_contracts.search_document import CASE_EXACT, IN_COLUMNS, json_text, search_document, search_text
from rollbook_contracts.urns import ENTERPRISE, ILMS
from rollbook_gateway.scim.compiled import Attribute, user_schema
from rollbook_gateway.search.user_columns import PEOPLE


@pytest.mark.parametrize(
    ("document", "seen"),
    [
        ({"displayName": "Stra\u00dfe"}, {"displayName": "strasse"}),
        ({"userName": "A", "externalId": "B", "active": True, "title": "C"}, {"title": "c"}),
        ({"name": {"givenName": "ADA"}}, {"name": {"givenName": "ada"}}),
        ({"profileUrl": "HTTP://X"}, {"profileUrl": "HTTP://X"}),
        ({"photos": [{"value": "U", "type": "P"}]}, {"photos": [{"value": "U", "type": "p"}]}),
        (
            {"x509Certificates": [{"value": "MII", "display": "D"}]},
            {"x509Certificates": [{"value": "MII", "display": "d"}]},
        ),
        (
            {ENTERPRISE: {"employeeNumber": "E7", "department": "D", "manager": {"value": "usr_A", "$ref": "../A"}}},
            {ENTERPRISE: {"department": "d", "manager": {"value": "usr_A", "$ref": "../A"}}},
        ),
        ({ENTERPRISE: {"employeeNumber": "E7"}}, {ENTERPRISE: {}}),
        ({ILMS: {"manager": {"id": "A", "email": "B"}}}, {ILMS: {"manager": {"id": "a", "email": "b"}}}),
        ({ILMS: {"hireDate": "1/15/2024 12:00:00 AM"}}, {ILMS: {"hireDate": "2024-01-15T00:00:00.000000Z"}}),
        ({"emails": [{"value": "A@X"}]}, {"emails": [{"value": "a@x", "type": "work"}]}),
        (
            {"emails": [{"value": "A", "primary": True}, {"value": "B"}, {"value": "C", "type": "Home"}]},
            {
                "emails": [
                    {"value": "a", "primary": True, "type": "work"},
                    {"value": "b"},
                    {"value": "c", "type": "home"},
                ]
            },
        ),
        ({"roles": [{"value": "Admin", "primary": True}]}, {"roles": [{"value": "admin", "primary": True}]}),
    ],
)
def test_document_is_seen_as_filters_compare_it(document: dict[str, Any], seen: dict[str, Any]) -> None:
    """Text is folded where the schema ignores case, dates are instants, e-mails have the type by which they match."""
    before = json.dumps(document)

    assert search_document(document) == seen
    assert json.dumps(document) == before


def stored(attributes: "tuple[Attribute, ...]") -> list[Attribute]:
    """Return those attributes whose values a document holds."""
    return [attribute for attribute in attributes if attribute.stored]


def is_exact(attribute: Attribute, sub: Attribute | None = None) -> bool:
    """Tell what the contract says of an attribute's case."""
    exact: Any = CASE_EXACT.get(attribute.schema, {}) if attribute.extension else CASE_EXACT
    exact = exact.get(attribute.name, {})
    return (exact if sub is None else exact is not True and exact.get(sub.name, False)) is True


def test_case_rules_agree_with_the_schema() -> None:
    """What the contract folds is exactly what the schema calls case-insensitive."""
    for attribute in stored(user_schema().attributes):
        if attribute.path in PEOPLE.columns:
            continue
        subs = [sub for sub in dict.fromkeys(attribute.sub_attributes.values()) if sub.stored]
        if not subs and attribute.type not in {"boolean", "dateTime"}:
            assert is_exact(attribute) == attribute.case_exact, attribute.path
        for sub in subs:
            if sub.type not in {"boolean", "dateTime"}:
                assert is_exact(attribute, sub) == sub.case_exact, sub.path


def test_attributes_left_out_have_a_column() -> None:
    """What the search document leaves out can be searched all the same."""
    assert {*IN_COLUMNS, f"{ENTERPRISE}:employeeNumber"} <= PEOPLE.columns.keys()


def test_dates_of_the_schema_are_made_instants() -> None:
    """hireDate is the only date that a document holds; another one would have to be seen as an instant too."""
    dates = [attribute.path for attribute in stored(user_schema().attributes) if attribute.type == "dateTime"]

    assert dates == [f"{ILMS}:hireDate"]


def test_schema_has_no_numbers() -> None:
    """Values are compared as text; a number among the attributes would need more than that."""
    types = {
        attribute.type for whole in user_schema().attributes for attribute in (whole, *whole.sub_attributes.values())
    }

    assert types == {"string", "reference", "binary", "boolean", "dateTime", "complex"}


@given(st.text(min_size=1), st.text(), st.text())
def test_parts_of_a_value_are_parts_of_the_text(part: str, before: str, behind: str) -> None:
    """What a value contains, its JSON contains: people can be told apart without reading the text as JSON."""
    value = fold(before + part + behind)

    assert json_text(value) in search_text({"title": before + part + behind})
    assert all(json_text(character)[1:-1] in json_text(value) for character in value)
