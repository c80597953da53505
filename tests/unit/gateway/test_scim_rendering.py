"""Answers: resources with the attributes asked for, lists, errors."""

import msgspec
import pytest

from rollbook_contracts.urns import ENTERPRISE, ILMS, USER
from rollbook_gateway.scim.compiled import user_schema
from rollbook_gateway.scim.errors import ErrorKind, ScimError
from rollbook_gateway.scim.rendering import Meta, error_body, list_response, projection, render
from rollbook_gateway.scim.values import Document

META = Meta("User", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "http://h/scim/acme/v2/Users/usr_1", 17)

DOCUMENT: Document = {
    "userName": "ada",
    "name": {"givenName": "Ada", "familyName": "L"},
    "emails": [{"value": "a@x", "type": "work"}, {"type": "home"}],
    ENTERPRISE: {"department": "Sales", "manager": {"value": "usr_2", "$ref": "x"}},
    ILMS: {"region": "EMEA"},
}


def shown(attributes: str | None = None, excluded: str | None = None) -> Document:
    schema = user_schema()
    return render(DOCUMENT, "usr_1", META, schema, projection(attributes, excluded, schema))


def test_resource_has_identity_and_metadata() -> None:
    """A resource is answered with its id, schemas and meta, its version as a weak entity tag."""
    assert shown() == {
        "schemas": [USER, ENTERPRISE, ILMS],
        "id": "usr_1",
        **DOCUMENT,
        "meta": {
            "resourceType": "User",
            "created": "2026-01-01T00:00:00Z",
            "lastModified": "2026-01-02T00:00:00Z",
            "location": "http://h/scim/acme/v2/Users/usr_1",
            "version": 'W/"17"',
        },
    }


def test_answer_can_be_encoded() -> None:
    """Nothing in an answer is of a type that only the library knows."""
    assert msgspec.json.decode(msgspec.json.encode(shown())) == shown()


@pytest.mark.parametrize(
    ("attributes", "wanted"),
    [
        ("id", {"schemas": [USER]}),
        ("nothingKnown", {"schemas": [USER]}),
        ("USERNAME, name.givenname", {"schemas": [USER], "userName": "ada", "name": {"givenName": "Ada"}}),
        ("emails.value", {"schemas": [USER], "emails": [{"value": "a@x"}]}),
        (f"{USER}:userName", {"schemas": [USER], "userName": "ada"}),
        (
            f"{ENTERPRISE}:manager.value,{ILMS.upper()}",
            {
                "schemas": [USER, ENTERPRISE, ILMS],
                ENTERPRISE: {"manager": {"value": "usr_2"}},
                ILMS: {"region": "EMEA"},
            },
        ),
        ("name,name.givenName", {"schemas": [USER], "name": {"givenName": "Ada", "familyName": "L"}}),
        ("name.givenName,name", {"schemas": [USER], "name": {"givenName": "Ada", "familyName": "L"}}),
        ("meta.version,title", {"schemas": [USER], "meta": {"version": 'W/"17"'}}),
        ("password,groups", {"schemas": [USER]}),
    ],
)
def test_attributes_asked_for_are_all_that_is_answered(attributes: str, wanted: Document) -> None:
    """``attributes`` leaves id, schemas and what it names; schemas name what is there."""
    assert shown(attributes) == {"id": "usr_1", **wanted}


def test_excluded_attributes_are_left_out() -> None:
    """``excludedAttributes`` takes away what it names, except what is always returned."""
    answered = shown(excluded=f"id,schemas,META,name.familyName,emails.value,{ENTERPRISE}:department,{ILMS}:region")

    assert answered == {
        "schemas": [USER, ENTERPRISE],
        "id": "usr_1",
        "userName": "ada",
        "name": {"givenName": "Ada"},
        "emails": [{"type": "work"}, {"type": "home"}],
        ENTERPRISE: {"manager": {"value": "usr_2", "$ref": "x"}},
    }


@pytest.mark.parametrize(
    ("attributes", "excluded", "shows"),
    [
        (None, None, True),
        ("userName", None, False),
        ("GROUPS", None, True),
        ("groups.display", None, True),
        (None, "groups", False),
        (None, "groups.display", True),
        (None, "userName", True),
    ],
)
def test_it_is_known_beforehand_whether_an_attribute_is_shown(
    attributes: str | None, excluded: str | None, shows: bool
) -> None:
    """What is costly to find out is asked for only where it, or a part of it, is in the answer."""
    assert projection(attributes, excluded, user_schema()).shows("groups") is shows


def test_both_parameters_are_refused() -> None:
    """``attributes`` and ``excludedAttributes`` exclude each other."""
    with pytest.raises(ScimError) as refusal:
        projection("id", "meta", user_schema())

    assert refusal.value.kind is ErrorKind.INVALID_VALUE


def test_rendering_leaves_the_document_alone() -> None:
    """The stored document is not what is answered, and stays without id and meta."""
    shown("emails.value")

    assert "id" not in DOCUMENT
    assert DOCUMENT["emails"] == [{"value": "a@x", "type": "work"}, {"type": "home"}]


def test_list_counts_what_it_holds() -> None:
    """A list tells the total, its first index and how many it holds, as integers; an empty one too (A01, A06)."""
    assert list_response([], 0, 1) == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": 0,
        "startIndex": 1,
        "itemsPerPage": 0,
        "Resources": [],
    }
    assert list_response([{"id": "a"}], 9, 4)["itemsPerPage"] == 1


def test_error_has_its_status_as_text() -> None:
    """An error's status is text, and its scimType stands only where there is one."""
    assert error_body(404, "no such user") == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": "404",
        "detail": "no such user",
    }
    assert error_body(409, "taken", "uniqueness")["scimType"] == "uniqueness"
