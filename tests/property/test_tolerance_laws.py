"""What is tolerated changes nothing for clean requests; a misprinted one means what the right one would mean."""

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rollbook_contracts.urns import ENTERPRISE, ILMS, USER
from rollbook_gateway.scim.compiled import user_schema
from rollbook_gateway.scim.document import canonicalise
from rollbook_gateway.scim.filters import parse_filter
from rollbook_gateway.scim.patch.apply import apply_patch
from rollbook_gateway.scim.values import Document
from support.drawn_people import PEOPLE

MISPRINTS = {
    ILMS: (
        "urn:ietf:params:scim:schemas:extension:ilms:20:User",
        "urn:ietf:params:scim:schemas:extension:ilms:2. 0:User",
    ),
    "department": ("departnment", "Departn ment"),
    "displayName": ("displayNa me", "display\tName"),
    "customField1": ("custom Field1",),
}


def clean(document: Document) -> Document:
    """Return a person as a faultless client sends them."""
    return {"schemas": [USER, *(urn for urn in (ENTERPRISE, ILMS) if urn in document)], **document}


def misprinted(value: Any, choose: random.Random) -> Any:
    """Return a body in which every name that the guide misprints is misprinted."""
    if not isinstance(value, dict):
        return value
    return {
        choose.choice(MISPRINTS.get(name, (name,))): misprinted(part, choose) if name != "emails" else part
        for name, part in value.items()
    }


@given(PEOPLE)
def test_clean_bodies_are_taken_without_a_note(document: Document) -> None:
    """Nothing is said of a body in which there was nothing to tolerate."""
    outcome = canonicalise(clean(document), user_schema())
    assert (outcome.document, outcome.notes) == (document, [])


@given(PEOPLE, PEOPLE)
def test_clean_operations_are_taken_without_a_note(document: Document, other: Document) -> None:
    """Nor of operations whose paths are the schema's."""
    operations = [{"op": "replace", "path": name, "value": value} for name, value in other.items()]
    assert apply_patch(document, {"Operations": operations}, user_schema()).notes == []


@given(PEOPLE, st.randoms(use_true_random=False))
def test_a_misprinted_body_is_the_right_one(document: Document, choose: random.Random) -> None:
    """Under whichever misprint, the same document is stored, and each misprint is noted."""
    sent = misprinted(document, choose)
    outcome = canonicalise(sent, user_schema())

    assert outcome.document == document
    assert bool(outcome.notes) == (sent != document)


@given(PEOPLE, PEOPLE, st.randoms(use_true_random=False))
def test_the_right_name_wins(document: Document, other: Document, choose: random.Random) -> None:
    """In whatever order two spellings stand in a body or an operation, what is rightly named is stored."""
    wrong = {name: part for name, part in misprinted(other, choose).items() if name not in other}
    both = list({**wrong, **document}.items())
    choose.shuffle(both)
    stored = canonicalise(dict(both), user_schema()).document
    patched = apply_patch(
        {"userName": "x"}, {"Operations": [{"op": "add", "value": dict(both)}]}, user_schema()
    ).document

    for name, part in document.items():
        if isinstance(part, dict):
            assert stored[name].items() >= part.items()
            assert patched[name].items() >= part.items()
        else:
            assert (stored[name], patched[name]) == (part, part)


def test_what_was_tolerated_in_filters_is_noted() -> None:
    """Unquoted values and misprinted names are noted; a clean filter is not."""
    notes: list[str] = []
    parse_filter(f'userName eq "a" and {ILMS}:region eq "b" and active eq true', user_schema(), notes)
    assert notes == []
    parse_filter(f"externalId eq jyoung and {ENTERPRISE}:departn ment pr or manager pr", user_schema(), notes)
    assert len(notes) == 4
