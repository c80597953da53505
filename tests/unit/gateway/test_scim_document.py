"""Documents: what is kept of a body, in which spelling, and what is refused."""

from typing import Any

import pytest

from rollbook_contracts.urns import ENTERPRISE, ILMS
from rollbook_gateway.scim import notes
from rollbook_gateway.scim.compiled import user_schema
from rollbook_gateway.scim.document import canonicalise
from rollbook_gateway.scim.errors import ErrorKind, ScimError


def stored(**attributes: Any) -> dict[str, Any]:
    document = canonicalise({"userName": "ada", **attributes}, user_schema()).document
    del document["userName"]
    return document


def refusal(**attributes: Any) -> str:
    with pytest.raises(ScimError) as refused:
        stored(**attributes)
    assert refused.value.kind is ErrorKind.INVALID_VALUE
    return refused.value.detail


def test_names_take_the_schema_spelling() -> None:
    """Attributes, sub-attributes and extension URNs are matched in any case."""
    assert stored(DISPLAYNAME="Ada", Name={"GIVENNAME": "Ada"}, **{ILMS.upper(): {"REGION": "EMEA"}}) == {
        "displayName": "Ada",
        "name": {"givenName": "Ada"},
        ILMS: {"region": "EMEA"},
    }


def test_what_the_server_decides_is_left_out() -> None:
    """Ids, metadata, groups, schemas and passwords of a client are never stored."""
    assert stored(id="x", meta={"version": "1"}, groups=[{"value": "g"}], schemas=["urn:x"], password="secret") == {}


@pytest.mark.parametrize("empty", [None, "", [], {}, [None], [{}], [{"value": ""}]])
def test_empty_values_mean_absence(empty: Any) -> None:
    """Null and emptiness at any depth leave the attribute without a value."""
    assert stored(emails=empty, **{ENTERPRISE: {"department": None, "manager": {"value": ""}}}) == {}


def test_unknown_attributes_are_ignored_and_noted() -> None:
    """A body may hold more than the schemas know; the notes name it."""
    outcome = canonicalise(
        {"userName": "ada", "shoeSize": 43, "name": {"nick": "a"}, ILMS: {"regoin": "EMEA"}, "urn:x:y": {}},
        user_schema(),
    )

    assert outcome.document == {"userName": "ada"}
    assert [note.split('"')[1] for note in outcome.notes] == ["name.nick", f"{ILMS}:regoin", "shoeSize", "urn:x:y"]


def test_notes_on_one_body_are_limited() -> None:
    """A body of nonsense does not make as many notes as it has names."""
    outcome = canonicalise({"userName": "ada", **{f"x{number}": 1 for number in range(1000)}}, user_schema())

    assert len(outcome.notes) == notes.KEPT


@pytest.mark.parametrize(("text", "boolean"), [("True", True), ("False", False), ("true", True), (False, False)])
def test_booleans_may_come_as_text(text: object, boolean: object) -> None:
    """Entra's texts become booleans everywhere, also inside elements."""
    assert stored(active=text, roles=[{"value": "x", "primary": text}]) == {
        "active": boolean,
        "roles": [{"value": "x", "primary": boolean}],
    }


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"displayName": True}, ["displayName", "true", "text"]),
        ({"displayName": ["a", "b"]}, ["displayName", "text"]),
        ({"displayName": {"value": "a", "display": "b"}}, ["displayName", "text"]),
        ({"displayName": {"$ref": "x", "value": "a"}}, ["displayName", "text"]),
        ({"profileUrl": 5}, ["profileUrl", "5", "text"]),
        ({ILMS: {"hireDate": 20240115}}, ["hireDate", "20240115"]),
        ({"active": "perhaps"}, ["active", '"perhaps"', "boolean"]),
        ({"active": 1}, ["active", "boolean"]),
        ({"name": "Ada"}, ["name", '"Ada"', "object"]),
        ({"emails": [5]}, ["emails", "5", "object"]),
        ({"emails": [{"value": ["a", "b"]}]}, ["emails.value", "text"]),
        ({ILMS: "EMEA"}, [ILMS, '"EMEA"', "object"]),
        ({ILMS: {"hireDate": "soon"}}, [f"{ILMS}:hireDate", '"soon"', "date"]),
        ({ILMS: {"hireDate": "0001-01-01T00:00:00+10:00"}}, ["hireDate", "date"]),
        ({"title": "a\0b"}, ["title", "U+0000"]),
        ({"title": "a\ud800b"}, ["title", "surrogate"]),
        ({"externalId": "x" * 513}, ["externalId", "513", "512"]),
        ({"emails": [{"value": "x" * 600}]}, ["emails.value", "600", "512"]),
        ({ENTERPRISE: {"employeeNumber": "\ufdfa" * 512}}, ["employeeNumber", "bytes"]),
        ({"emails": [{"value": "a", "primary": True}, {"value": "b", "primary": "true"}]}, ["emails", "2", "primary"]),
    ],
)
def test_refusal_names_attribute_value_and_what_is_wanted(attributes: dict[str, Any], words: list[str]) -> None:
    """A value that cannot be stored is refused in words that tell the administrator what to mend."""
    detail = refusal(**attributes)

    assert [word for word in words if word not in detail] == []
    assert detail.isprintable()


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ([{"$ref": None, "value": "x"}], "x"),
        ({"Value": "x"}, "x"),
        ([{"value": 17}], "17"),
        (701984, "701984"),
        (-1.5, "-1.5"),
        (0, "0"),
    ],
)
def test_text_may_come_wrapped_or_as_a_number(sent: Any, text: str) -> None:
    """What Entra wraps, and what a typed source has as a number, is read as the text it stands for, with a note."""
    enterprise = {"employeeNumber": sent}
    body = {"userName": "ada", "title": sent, "emails": [{"value": sent}], ENTERPRISE: enterprise}
    outcome = canonicalise(body, user_schema())

    assert (outcome.document["title"], outcome.document["emails"]) == (text, [{"value": text}])
    assert outcome.document[ENTERPRISE] == {"employeeNumber": text}
    for path in ("title", "emails.value", f"{ENTERPRISE}:employeeNumber"):
        assert [each for each in outcome.notes if each.startswith(f'"{path}" was sent as ')]


@pytest.mark.parametrize("empty", [{"$ref": None, "value": None}, [{"$ref": None, "value": ""}]])
def test_nothing_wrapped_is_nothing(empty: Any) -> None:
    """An object around no value is no value; other types than text come wrapped, too."""
    assert stored(title=empty) == {}
    assert stored(active=[{"$ref": None, "value": "False"}]) == {"active": False}


@pytest.mark.parametrize("user_name", [None, "", "   ", []])
def test_user_name_is_required(user_name: Any) -> None:
    """A person without a userName, or with an empty one, is refused."""
    assert "userName" in refusal(userName=user_name)


@pytest.mark.parametrize(
    "hollow",
    [
        {"value": "", "type": "work"},
        {"Value": None, "type": "work", "primary": True, "display": "Ada"},
        {"value": [], "type": "work"},
    ],
)
def test_an_element_without_its_value_is_none(hollow: Any) -> None:
    """An address whose value was sent empty is left out, whatever else is said of it, and a note says so."""
    outcome = canonicalise({"userName": "ada", "emails": [hollow, {"value": "a"}], "roles": hollow}, user_schema())

    assert outcome.document == {"userName": "ada", "emails": [{"value": "a"}]}
    assert 'an element of "emails" was sent without its value and left out' in outcome.notes


def test_an_address_of_which_nothing_is_left_is_none() -> None:
    """Type and primary alone say nothing, where other parts were sent empty."""
    assert stored(addresses=[{"type": "work", "locality": "", "region": None}]) == {}
    assert stored(addresses=[{"type": "work", "locality": "", "region": "NW"}]) == {
        "addresses": [{"type": "work", "region": "NW"}]
    }
    assert stored(emails=[{"type": "work"}, {"display": "Ada"}]) == {"emails": [{"type": "work"}, {"display": "Ada"}]}


@pytest.mark.parametrize(
    ("ref", "value"),
    [
        ("https://h.example/scim/acme/v2/Users/usr_boss", "usr_boss"),
        ("../Users/usr_boss/", "usr_boss"),
        ("usr_boss?x=/y#z", "usr_boss"),
        ("/Users/boss%40x.test", "boss@x.test"),
    ],
)
def test_a_manager_by_reference_alone_is_the_one_at_its_end(ref: str, value: str) -> None:
    """The last segment of a $ref is the manager's value, with a note; a value that is sent counts as it is."""
    outcome = canonicalise({"userName": "ada", ENTERPRISE: {"manager": {"$ref": ref}}}, user_schema())

    assert outcome.document[ENTERPRISE] == {"manager": {"value": value, "$ref": ref}}
    assert f'"{ENTERPRISE}:manager" was sent by its $ref alone and read as the value "{value}"' in outcome.notes
    both = {"manager": {"$ref": ref, "value": "E7"}}
    assert stored(**{ENTERPRISE: both}) == {ENTERPRISE: both}


@pytest.mark.parametrize("ref", ["/", "https://h.example", "#x", " ", "http://[x/y"])
def test_a_reference_that_ends_in_nothing_names_nobody(ref: str) -> None:
    """The person is stored without a manager, and a note says so."""
    outcome = canonicalise({"userName": "ada", ENTERPRISE: {"manager": {"$ref": ref}}}, user_schema())

    assert outcome.document == {"userName": "ada"}
    assert f'"{ENTERPRISE}:manager" was sent by a $ref that names nobody, and was left out' in outcome.notes


@pytest.mark.parametrize("sent", ["usr_1", {"value": "usr_1"}, ["usr_1"], [{"VALUE": "usr_1"}]])
def test_manager_is_kept_as_an_object(sent: Any) -> None:
    """Whatever shape a manager comes in, it is stored and answered as an object."""
    assert stored(**{ENTERPRISE: {"manager": sent}}) == {ENTERPRISE: {"manager": {"value": "usr_1"}}}


def test_manager_of_the_lms_is_kept_as_an_object() -> None:
    """Bare text is the manager's id; dotted names are its parts."""
    assert stored(**{ILMS: {"manager": "usr_1", "manager.email": "boss"}}) == {
        ILMS: {"manager": {"id": "usr_1", "email": "boss"}}
    }


def test_dotted_and_qualified_names_are_paths() -> None:
    """A body may be flat where the schema is not."""
    assert stored(**{"name.givenName": "Ada", f"{ILMS}:region": "EMEA", "name": {"familyName": "L"}}) == {
        "name": {"givenName": "Ada", "familyName": "L"},
        ILMS: {"region": "EMEA"},
    }


@pytest.mark.parametrize(
    "text",
    ["2024-01-15", "2024-01-15T00:00:00Z", "2026-08-07T12:34:56.1234567Z", "1/15/2024 12:00:00 AM"],
)
def test_hire_date_keeps_the_text_sent(text: str) -> None:
    """Any form of date that providers send is accepted and comes back as it was."""
    assert stored(**{ILMS: {"hireDate": text}}) == {ILMS: {"hireDate": text}}


def test_broken_role_text_is_kept_as_text() -> None:
    """A role whose value only looks like an object in text is an ordinary role."""
    assert stored(roles=[{"value": "{not json"}, {"value": "{" + '"a":[' * 5000}]) == {
        "roles": [{"value": "{not json"}, {"value": "{" + '"a":[' * 5000}]
    }


def test_body_is_left_as_it_was() -> None:
    """Reading a body changes nothing in it."""
    body = {"userName": "ada", "roles": [{"value": '{"value":"x"}', "primary": "True"}], "title": None}

    canonicalise(body, user_schema())

    assert body == {"userName": "ada", "roles": [{"value": '{"value":"x"}', "primary": "True"}], "title": None}
