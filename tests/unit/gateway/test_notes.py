"""Whatever is tolerated leaves a note that says what was sent and as what it was read."""

from typing import Any

import pytest

from rollbook_contracts.urns import ENTERPRISE, ILMS, USER
from rollbook_gateway.decide.membership import replacement
from rollbook_gateway.intake.reading import read_group
from rollbook_gateway.scim.compiled import user_schema
from rollbook_gateway.scim.document import canonicalise
from rollbook_gateway.scim.filters import parse_filter
from rollbook_gateway.scim.patch.apply import apply_patch

ALIAS = "urn:ietf:params:scim:schemas:extension:ilms:20:User"
ADA = {"userName": "ada", "emails": [{"type": "work", "value": "a@x.com"}]}


@pytest.mark.parametrize(
    ("sent", "note"),
    [
        ({"active": "True"}, '"active" was sent as text and read as a boolean'),
        ({"roles": [{"value": "a", "primary": "False"}]}, '"roles.primary" was sent as text and read as a boolean'),
        ({"title": ""}, '"title" was sent empty and read as absent'),
        ({"title": ["Boss"]}, '"title" was sent as a list of one and read as that one'),
        ({"roles": "Admin"}, '"roles" was sent without its list and read as the only element'),
        ({"roles": [{"value": '{"value":"25"}'}]}, '"roles" was sent as JSON in text and read as an object'),
        ({"name.givenName": "A"}, '"name.givenName" was sent as one name and read as a path'),
        ({f"{ILMS}:region": "E"}, f'"{ILMS}:region" was sent beside its extension and was read as a part of it'),
        ({ENTERPRISE: {"manager": "x"}}, f'"{ENTERPRISE}:manager" was sent as text and read as an object'),
        ({"manager": "x"}, f'"manager" was read as "{ENTERPRISE}:manager"'),
        ({"displayNa me": "A"}, '"displayNa me" was read as "displayName"'),
        ({ALIAS: {"region": "E"}}, f'"{ALIAS}" was read as "{ILMS}"'),
        ({ENTERPRISE: {"departnment": "S"}}, f'"{ENTERPRISE}:departnment" was read as "{ENTERPRISE}:department"'),
        (
            {ENTERPRISE: {"manager": {"id": "x"}}},
            f'"{ENTERPRISE}:manager.id" was read as "{ENTERPRISE}:manager.value"',
        ),
        ({"schemas": [USER, "urn:x"]}, 'unknown schema "urn:x" was ignored'),
        ({"schemas": [USER, ALIAS]}, f'"{ALIAS}" was read as "{ILMS}"'),
        ({"schemas": [USER], ILMS: {"region": "E"}}, f'extension "{ILMS}" was sent without being named in schemas'),
        ({"shoeSize": 43}, 'unknown attribute "shoeSize" was ignored'),
    ],
)
def test_notes_on_a_body(sent: dict[str, Any], note: str) -> None:
    """A body is stored, and the note says what was made of it."""
    assert note in canonicalise({"userName": "ada", **sent}, user_schema()).notes


def test_misspelt_members_of_a_group_are_its_members() -> None:
    """They never become a part of the head; where the right name stands as well, that one counts."""
    for body, members in ((b'"mem bers": ["x"]', ["x"]), (b'"MEMBERS": ["y"], "mem bers": ["x"]', ["y"])):
        notes: list[str] = []
        sent = read_group(b'{"displayName": "G", ' + body + b"}", notes)
        assert sent.document == {"displayName": "G"}
        assert sent.membership == replacement(members)
        assert notes == ['"mem bers" was read as "members"']


def test_a_misprint_inside_an_extension_leaves_one_note() -> None:
    """What stands in its extension was not sent beside it."""
    sent = {"userName": "ada", "schemas": [USER, ENTERPRISE], ENTERPRISE: {"departnment": "S"}}

    notes = canonicalise(sent, user_schema()).notes

    assert notes == [f'"{ENTERPRISE}:departnment" was read as "{ENTERPRISE}:department"']


@pytest.mark.parametrize(
    ("operation", "note"),
    [
        ({"op": "Replace", "path": "title", "value": "x"}, 'the operation "Replace" was read as replace'),
        ({"op": "add", "path": "manager", "value": "x"}, f'"manager" was read as "{ENTERPRISE}:manager"'),
        ({"op": "add", "path": f"{ALIAS}:region", "value": "E"}, f'"{ALIAS}:region" was read as "{ILMS}:region"'),
        ({"op": "add", "value": {"name.givenName": "A"}}, '"name.givenName" was sent as a name and read as a path'),
        ({"op": "add", "value": {f"{ILMS}:region": "E"}}, f'"{ILMS}:region" was sent as a name and read as a path'),
        ({"op": "add", "value": {"title": "a", "departn ment": "b"}}, 'unknown attribute "departn ment" was ignored'),
        (
            {"op": "remove", "path": 'emails[type eq "work"].value'},
            'an element of "emails" was left without its value and is gone',
        ),
        (
            {"op": "replace", "path": 'emails[type eq "work"]', "value": ""},
            'the values chosen of "emails" were sent empty and removed',
        ),
        ({"op": "add", "path": "urn:x:y:z", "value": 1}, 'unknown attribute "urn:x:y:z" was ignored'),
        (
            {"op": "replace", "path": "name", "value": {"given Name": "A"}},
            '"name.given Name" was read as "name.givenName"',
        ),
    ],
)
def test_notes_on_an_operation(operation: dict[str, Any], note: str) -> None:
    """An operation is applied, or ignored, and the note says so."""
    assert note in apply_patch(ADA, {"Operations": [operation]}, user_schema()).notes


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("externalId eq jyoung", 'the value "jyoung" in a filter was sent without quotes and read as text'),
        ("userName eq 5", 'the value "5" in a filter was sent without quotes and read as text'),
        ('manager eq "x"', f'"manager" was read as "{ENTERPRISE}:manager"'),
        (f"{ALIAS}:region pr", f'"{ALIAS}:region" was read as "{ILMS}:region"'),
        ('display Name eq "x"', 'the filter "display Name eq "x"" was read without the blanks in its names'),
    ],
)
def test_notes_on_a_filter(text: str, note: str) -> None:
    """A filter is understood, and the note says how."""
    notes: list[str] = []
    parse_filter(text, user_schema(), notes)
    assert note in notes


def test_a_note_is_kept_once() -> None:
    """A hundred equal operations leave one note."""
    operations = [{"op": "Add", "path": "title", "value": str(number)} for number in range(100)]
    assert apply_patch(ADA, {"Operations": operations}, user_schema()).notes == ['the operation "Add" was read as add']


@pytest.mark.parametrize(
    ("path", "noted"),
    [
        ("emails[type eq work].value", ['the value "work" in a filter was sent without quotes and read as text']),
        ('emails[type eq "work"].val ue', ['"emails[type eq "work"].val ue" was read as "emails.value"']),
        (
            "emails[type eq work and primary eq False].val ue",
            [
                '"emails[type eq work and primary eq False].val ue" was read as "emails.value"',
                'the value "work" in a filter was sent without quotes and read as text',
            ],
        ),
        ('emails[type eq "work" and primary eq false].value', []),
        ('emails[type eq "work" and display eq null].value', []),
    ],
)
def test_a_path_is_read_as_filters_are(path: str, noted: list[str]) -> None:
    """A value in brackets may lack its quotes, a name have blanks; each time, the note says so."""
    ada = {"userName": "ada", "emails": [{"type": "work", "value": "a@x.com", "primary": False}]}
    for operation in ({"op": "replace", "path": path, "value": "b@x.com"}, {"op": "remove", "path": path}):
        for _ in range(2):  # parsed paths are kept: the second request gets its note, too
            outcome = apply_patch(ada, {"Operations": [operation]}, user_schema())
            assert outcome.document != ada
            gone = 'an element of "emails" was left without its value and is gone'
            assert outcome.notes == [*noted, *([gone] if operation["op"] == "remove" else ())]
