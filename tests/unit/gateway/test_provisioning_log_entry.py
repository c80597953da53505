"""A draft and an answer become an entry."""

import json
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollbook_contracts.facts.catalog import Fact
from rollbook_contracts.facts.claim import ClaimTaken
from rollbook_contracts.facts.group import GroupDeleted, GroupUpdated
from rollbook_contracts.facts.membership import MembersAdded, MembersClosed
from rollbook_contracts.facts.user import UserCreated, UserDeactivated, UserDeleted, UserReactivated, UserUpdated
from rollbook_contracts.requests.entry import Entry, Outcome
from rollbook_gateway.provisioning_log.draft import Draft
from rollbook_gateway.provisioning_log.entry import LONGEST_NAME, Arrived, entry, storable
from rollbook_gateway.scim.rendering import error_body

USER = "usr_01kb1cbm8sfvnm0g2v3w4x5y70"
GROUP = "grp_01kb1cbm8sfvnm0g2v3w4x5y70"
DOCUMENT = msgspec.Raw(b"{}")


def of(draft: Draft, method: str, path: str, status: int, body: bytes = b"") -> Entry:
    """Return the entry of a request."""
    arrived = Arrived("req_1", "2026-11-24T03:44:43Z", "ten_1", "key", "entra", method, path)
    return entry(arrived, draft, status=status, error_body=body, milliseconds=1.5)


def stored(facts: Sequence[Fact], last: int) -> Draft:
    draft = Draft()
    draft.about(USER, {"userName": "ada"})
    draft.stored(facts, last)
    return draft


@pytest.mark.parametrize(
    ("method", "status", "facts", "outcome", "changed"),
    [
        ("POST", 201, [ClaimTaken(USER), UserCreated(USER, "t", DOCUMENT)], "created", ()),
        ("PATCH", 200, [UserUpdated(USER, "t", DOCUMENT, changed=("title",))], "updated", ("title",)),
        ("PUT", 200, [UserDeactivated(USER, "t", DOCUMENT, changed=("active",))], "deactivated", ("active",)),
        ("PATCH", 200, [UserReactivated(USER, "t", DOCUMENT, changed=("active",))], "reactivated", ("active",)),
        ("PATCH", 200, [], "unchanged", ()),
        ("DELETE", 204, [UserDeleted(USER)], "deleted", ()),
        ("GET", 200, [], "read", ()),
        ("POST", 409, [], "refused", ()),
        ("PATCH", 503, [], "failed", ()),
    ],
)
def test_outcomes_of_people(
    method: str, status: int, facts: list[Fact], outcome: Outcome, changed: tuple[str, ...]
) -> None:
    """One word says what became of a request, and a change names its attributes."""
    found = of(stored(facts, 9 if facts else 0), method, f"/Users/{USER}", status)

    assert (found.outcome, found.changed) == (outcome, changed)
    assert (found.resource_type, found.resource_id, found.resource_name) == ("User", USER, "ada")
    assert (found.first_fact, found.last_fact) == ((10 - len(facts), 9) if facts else (0, 0))


def test_changes_of_a_groups_head_and_members() -> None:
    """Members are one attribute of many."""
    facts: list[Fact] = [GroupUpdated(GROUP, "t", DOCUMENT, changed=("displayName",)), MembersAdded(GROUP, ("a",))]
    gone: list[Fact] = [GroupDeleted(GROUP), MembersClosed(GROUP)]

    assert of(stored(facts, 9), "PATCH", f"/Groups/{GROUP}", 204).changed == ("displayName", "members")
    assert of(stored(gone, 9), "DELETE", f"/Groups/{GROUP}", 204).changed == ()


@pytest.mark.parametrize(
    ("path", "resource_type", "resource_id"),
    [
        ("/Users", "User", ""),
        ("/Users/.search", "User", ""),
        ("/.search", "", ""),
        (f"/Groups/{GROUP}", "Group", GROUP),
        ("/Schemas/urn:x", "Schema", "urn:x"),
        ("/ServiceProviderConfig", "ServiceProviderConfig", ""),
        ("/Nothing/here", "", "/Nothing/here"),
        ("", "", ""),
    ],
)
def test_resources_by_their_address(path: str, resource_type: str, resource_id: str) -> None:
    """An address that nothing has is shown as it stands."""
    found = of(Draft(), "GET", path, 200)

    assert (found.resource_type, found.resource_id) == (resource_type, resource_id)


def test_refusal_tells_its_reason_and_what_was_sent() -> None:
    """The error's scimType and detail are kept, the name from the body, and the notes made until then."""
    draft = Draft(message={"userName": "ada", "password": "secret"}, notes=["one"])
    body = json.dumps(error_body(400, "region is required", "invalidValue")).encode()

    found = of(draft, "POST", "/Users", 400, body)

    assert (found.scim_type, found.detail, found.notes) == ("invalidValue", "region is required", ("one",))
    assert found.resource_name == "ada"
    assert b"secret" not in msgspec.json.encode(found)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"detail": 7}', b'{"error": "invalid_client"}'])
def test_error_of_another_form_says_nothing(body: bytes) -> None:
    """An answer that is no SCIM error does not stand in the way of an entry."""
    assert (of(Draft(), "GET", "/Users", 502, body).detail, of(Draft(), "GET", "/Users", 502, body).status) == ("", 502)


def test_name_of_another_type_is_no_name() -> None:
    """A body may hold anything."""
    assert of(Draft(message={"userName": ["x"]}), "POST", "/Users", 400).resource_name == ""


@given(text=st.text(st.characters(), max_size=300))
def test_text_is_storable(text: str) -> None:
    """Whatever was sent, PostgreSQL can hold what is kept of it, and what it holds as it is stays so."""
    kept = storable(text, LONGEST_NAME)

    assert "\0" not in kept
    assert len(kept) <= LONGEST_NAME
    kept.encode()
    if len(text) <= LONGEST_NAME and "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text):
        assert kept == text
