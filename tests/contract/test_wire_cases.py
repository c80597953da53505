"""What identity providers send, case by case of the wire checklist, through documents, PATCH and filters."""

import json
from pathlib import Path
from typing import Any

import pytest

from rollbook_contracts.urns import ENTERPRISE, USER
from rollbook_gateway.scim.compiled import user_schema
from rollbook_gateway.scim.document import canonicalise
from rollbook_gateway.scim.errors import ErrorKind, ScimError
from rollbook_gateway.scim.evaluation import evaluate
from rollbook_gateway.scim.filters import parse_filter
from rollbook_gateway.scim.patch.apply import apply_patch
from rollbook_gateway.scim.rendering import Meta, render

META = Meta("User", "2026-11-24T08:00:00Z", "2026-11-24T08:00:00Z", "http://h/scim/acme/v2/Users/usr_1", 7)

PEOPLE: dict[str, dict[str, Any]] = {
    "ada": {
        "userName": "ada@contoso.com",
        "emails": [
            {"type": "home", "value": "ada@home.example"},
            {"type": "work", "value": "ada@contoso.com", "primary": True},
        ],
        ENTERPRISE: {"employeeNumber": "701984", "manager": {"value": "usr_jo"}},
    },
    "jo": {
        "userName": "jo@okta.local",
        "externalId": "00ujl29u0le5T6Aj10h7",
        "emails": [{"primary": True, "value": "jo@okta.local"}],
    },
    "lab": {
        "userName": "a+b@x.com",
        "displayName": "R&D",
        "active": False,
        "emails": [{"type": "other", "value": "ada@contoso.com"}],
    },
}


def cases(name: str) -> list[Any]:
    lines = (Path(__file__).parent / "wire" / name).read_text(encoding="utf-8").splitlines()
    return [pytest.param(case, id=f"{case['id']}-{number}") for number, case in enumerate(map(json.loads, lines))]


@pytest.mark.parametrize("case", cases("users.jsonl"))
def test_request_leaves_the_stored_document(case: dict[str, Any]) -> None:
    """A provider's body, or its operations on a person, leaves the document that is to be stored."""
    if case["method"] == "PATCH":
        outcome = apply_patch(case["before"], case["body"], user_schema())
    else:
        outcome = canonicalise(case["body"], user_schema())

    assert outcome.document == case["document"]


@pytest.mark.parametrize("case", cases("users.jsonl"))
def test_stored_document_is_in_its_final_form(case: dict[str, Any]) -> None:
    """Whatever a request leaves passes through validation again unchanged, so that a PUT of a GET changes nothing."""
    resource = render(case["document"], "usr_1", META, user_schema())

    assert canonicalise(resource, user_schema()).document == case["document"]


@pytest.mark.parametrize("case", cases("filters.jsonl"))
def test_filter_finds_the_right_people(case: dict[str, Any]) -> None:
    """A provider's filter finds exactly the people it means."""
    condition = parse_filter(case["filter"], user_schema())
    resources = {name: render(person, f"usr_{name}", META, user_schema()) for name, person in PEOPLE.items()}

    assert [name for name, resource in resources.items() if evaluate(condition, resource)] == case["matches"]


def test_malformed_filter_is_refused() -> None:
    """M12: a filter that cannot be read is ``invalidFilter`` and says where."""
    with pytest.raises(ScimError, match="column 8") as refusal:
        parse_filter("garbage(", user_schema())

    assert refusal.value.kind is ErrorKind.INVALID_FILTER


def test_extension_is_listed_although_the_request_did_not() -> None:
    """C01: the answer's schemas name every extension that holds something."""
    case = next(case.values[0] for case in cases("users.jsonl") if case.id.startswith("C01"))

    answered = render(canonicalise(case["body"], user_schema()).document, "usr_1", META, user_schema())

    assert answered["schemas"] == [USER, "urn:ietf:params:scim:schemas:extension:ilms:2.0:User"]


def test_password_is_nowhere_in_an_answer() -> None:
    """C13, O07: a password is neither stored nor answered."""
    case = next(case.values[0] for case in cases("users.jsonl") if case.id.startswith("C13"))

    answered = render(canonicalise(case["body"], user_schema()).document, "usr_1", META, user_schema())

    assert case["body"]["password"] not in json.dumps(answered)
