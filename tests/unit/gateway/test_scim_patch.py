"""PATCH: what each verb does to a document, and what is refused."""

import copy
from typing import Any

import pytest

from rollbook_contracts.urns import ENTERPRISE, ILMS
from rollbook_gateway.scim.compiled import group_schema, user_schema
from rollbook_gateway.scim.errors import ErrorKind, ScimError
from rollbook_gateway.scim.patch.apply import MAX_OPERATIONS, apply_patch
from rollbook_gateway.scim.values import Document

HOME = {"value": "ada@home", "type": "home"}
WORK = {"value": "ada@work", "type": "work", "primary": True}

ADA: Document = {
    "userName": "ada",
    "title": "Analyst",
    "name": {"givenName": "Ada", "familyName": "L"},
    "emails": [HOME, WORK],
    ENTERPRISE: {"department": "Sales", "manager": {"value": "usr_1", "$ref": "../Users/usr_1"}},
    ILMS: {"region": "EMEA", "manager": {"id": "usr_1", "email": "boss@x"}},
}


def operation(verb: str, path: str | None = None, *value: Any) -> Document:
    return {"op": verb} | ({"path": path} if path is not None else {}) | ({"value": value[0]} if value else {})


def patched(*operations: Document, document: Document = ADA) -> Document:
    before = copy.deepcopy(document)
    after = apply_patch(document, {"Operations": list(operations)}, user_schema()).document
    assert document == before
    return after


def changes(*operations: Document, document: Document = ADA) -> Document:
    """Return the attributes that differ afterwards, with their values."""
    after = patched(*operations, document=document)
    return {name: after.get(name) for name in document.keys() | after.keys() if after.get(name) != document.get(name)}


@pytest.mark.parametrize("verb", ["add", "Add", "REPLACE"])
def test_single_value_is_set(verb: str) -> None:
    """Add and replace set a single-valued attribute, whatever the case of the verb and of the path."""
    assert changes(operation(verb, "TITLE", "Boss")) == {"title": "Boss"}


@pytest.mark.parametrize(
    "sent",
    [operation("remove", "title"), operation("replace", "title", None), operation("add", "title", "")],
)
def test_single_value_is_cleared(sent: Document) -> None:
    """Remove, null and empty text clear an attribute."""
    assert changes(sent) == {"title": None}


@pytest.mark.parametrize(
    "path", ["nickName", "photos", 'photos[type eq "photo"]', "name.middleName", f"{ILMS}:hireDate"]
)
def test_removing_what_is_not_there_succeeds(path: str) -> None:
    """A remove of something absent changes nothing and is no error."""
    assert changes(operation("remove", path)) == {}


def test_extension_attribute_is_written_by_its_qualified_path() -> None:
    """A URN-qualified path reaches into the extension, in any case, and makes it where it is missing."""
    assert changes(operation("replace", f"{ILMS.upper()}:REGION", "APAC")) == {ILMS: {**ADA[ILMS], "region": "APAC"}}
    assert patched(operation("add", f"{ILMS}:region", "APAC"), document={"userName": "a"})[ILMS] == {"region": "APAC"}


def test_extension_leaves_with_its_last_attribute() -> None:
    """An extension that holds nothing any more is gone."""
    gone = [operation("remove", f"{ENTERPRISE}:department"), operation("replace", f"{ENTERPRISE}:manager", "")]

    assert ENTERPRISE not in patched(*gone)
    assert ENTERPRISE not in patched(operation("remove", ENTERPRISE))


def test_extension_takes_an_object() -> None:
    """An operation on an extension's URN writes the attributes in its value and keeps the others."""
    sent = operation("replace", ENTERPRISE, {"department": None, "DIVISION": "Field"})

    assert changes(sent) == {ENTERPRISE: {"manager": ADA[ENTERPRISE]["manager"], "division": "Field"}}


def test_parts_of_a_complex_attribute_are_written() -> None:
    """A dotted path or an object changes the parts it names and keeps the others."""
    assert changes(operation("replace", "name.givenName", "A")) == {"name": {"givenName": "A", "familyName": "L"}}
    assert changes(operation("replace", "name", {"givenName": "A", "familyName": None})) == {"name": {"givenName": "A"}}
    assert changes(operation("remove", "name.givenName"), operation("remove", "name.familyName")) == {"name": None}


def test_manager_is_replaced_and_not_merged() -> None:
    """Another manager keeps nothing of the one before (P15); the LMS's own manager is a plain complex attribute."""
    other = {**ADA[ENTERPRISE], "manager": {"value": "usr_2"}}

    assert changes(operation("Add", f"{ENTERPRISE}:manager", "usr_2")) == {ENTERPRISE: other}
    assert changes(operation("replace", f"{ENTERPRISE}:manager.value", "usr_2")) == {ENTERPRISE: other}
    assert changes(operation("replace", f"{ENTERPRISE}:manager.value", None)) == {ENTERPRISE: {"department": "Sales"}}
    assert changes(operation("replace", f"{ILMS}:manager.email", "x")) == {
        ILMS: {**ADA[ILMS], "manager": {"id": "usr_1", "email": "x"}}
    }


def test_elements_are_added_once() -> None:
    """Add appends what is not there yet."""
    assert changes(operation("add", "emails", [HOME, {"value": "x"}])) == {"emails": [HOME, WORK, {"value": "x"}]}
    assert changes(operation("add", "emails", HOME)) == {}
    assert changes(operation("add", "emails", [])) == {}


def test_list_is_replaced() -> None:
    """Replace puts a list in place of the one before."""
    assert changes(operation("replace", "emails", [{"value": "x"}])) == {"emails": [{"value": "x"}]}
    assert changes(operation("replace", "emails", [])) == {"emails": None}


def test_elements_are_removed_by_condition_or_by_value() -> None:
    """Remove takes the elements that the path or, as Entra has it, the value selects; an empty list selects none."""
    assert changes(operation("remove", 'emails[type eq "home"]')) == {"emails": [WORK]}
    assert changes(operation("Remove", "emails", [{"value": "ada@home"}])) == {"emails": [WORK]}
    assert changes(operation("Remove", "emails", [])) == {}
    assert changes(operation("remove", "emails")) == {"emails": None}


def test_elements_chosen_are_written() -> None:
    """A path with a condition writes the elements that meet it, whole or in part."""
    assert changes(operation("replace", 'emails[type eq "home"].value', "x")) == {
        "emails": [{"value": "x", "type": "home"}, WORK]
    }
    assert changes(operation("replace", 'emails[type eq "home"]', {"display": "H"})) == {
        "emails": [{**HOME, "display": "H"}, WORK]
    }
    assert changes(operation("remove", 'emails[type eq "work"].primary')) == {
        "emails": [HOME, {"value": "ada@work", "type": "work"}]
    }
    assert changes(operation("replace", "emails.display", "x")) == {
        "emails": [{**HOME, "display": "x"}, {**WORK, "display": "x"}]
    }


def test_comparison_as_a_path_chooses_elements() -> None:
    """A bare comparison is a path too (errata 7122 of RFC 7644)."""
    assert changes(operation("remove", 'emails.type eq "home"')) == {"emails": [WORK]}


def test_element_that_a_condition_describes_is_made_once() -> None:
    """Where no element meets a condition of equalities, the first operation makes one and later ones find it (P10)."""
    made = changes(
        operation("Add", 'addresses[type eq "Work" and primary eq "True"].locality', "Bonn"),
        operation("Replace", 'addresses[type eq "work"].region', "NW"),
    )

    assert made == {"addresses": [{"type": "Work", "primary": True, "locality": "Bonn", "region": "NW"}]}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ('emails[value eq "nobody@x.test"].type', "home"),
        ('emails[value eq "nobody@x.test"]', {"value": "n@x.test", "type": "home"}),
        ('emails[type eq "other" and value eq "nobody@x.test"].display', "N"),
        ('emails[display eq "N"].value', "n@x.test"),
        ('emails[type eq "other" or type eq "fax"].value', "n@x.test"),
        ('phoneNumbers[value eq "555"]', {"value": "666", "type": "work"}),
        ("roles[primary eq false].value", "Admin"),
        ('emails[type eq "other"].type', "fax"),
        ('emails[type eq "other" and type eq "fax"].value', "n@x.test"),
    ],
)
@pytest.mark.parametrize("verb", ["add", "replace"])
def test_no_other_condition_makes_an_element(verb: str, path: str, value: Any) -> None:
    """Entra's need ends with type and primary: a condition on anything else that nothing meets is ``noTarget``."""
    with pytest.raises(ScimError) as refusal:
        patched(operation(verb, path, value))

    assert refusal.value.kind is ErrorKind.NO_TARGET


@pytest.mark.parametrize("nothing", [None, "", {}, [], [None], [{}]])
def test_elements_replaced_by_nothing_are_gone(nothing: Any) -> None:
    """What a path chooses and nothing replaces is unassigned (RFC 7643, 2.5); to add nothing changes nothing."""
    assert changes(operation("replace", 'emails[type eq "home"]', nothing)) == {"emails": [WORK]}
    assert changes(operation("replace", 'emails[type co "o"]', nothing)) == {"emails": None}
    assert changes(operation("replace", 'emails[type eq "other"]', nothing)) == {}
    assert changes(operation("add", 'emails[type eq "home"]', nothing)) == {}


def test_element_made_from_a_path_is_not_shared() -> None:
    """Parsed paths are kept between requests; what one makes must not reach the next."""
    first = patched(operation("add", 'ims[type eq "aim"]', {"display": "a"}))
    patched(operation("add", 'ims[type eq "aim"]', {"value": "b"}))

    assert first["ims"] == [{"type": "aim", "display": "a"}]


def test_clearing_an_element_that_is_not_there_makes_none() -> None:
    """Null on a condition that matches nothing changes nothing."""
    assert changes(operation("replace", 'photos[type eq "photo"].value', None)) == {}


def test_only_one_element_stays_primary() -> None:
    """Marking an element as primary unmarks the one before (RFC 7644, 3.5.2)."""
    assert changes(operation("replace", 'emails[type eq "home"].primary', "True")) == {
        "emails": [{**HOME, "primary": True}, {**WORK, "primary": False}]
    }
    assert changes(operation("add", "emails", [{"value": "x", "primary": True}])) == {
        "emails": [HOME, {**WORK, "primary": False}, {"value": "x", "primary": True}]
    }


def test_typeless_email_is_found_as_the_work_address() -> None:
    """C17: what matching sees as the work address is what a path to the work address changes."""
    before = {"userName": "jo", "emails": [{"value": "a", "primary": True}]}

    assert changes(operation("replace", 'emails[type eq "work"].value', "b"), document=before) == {
        "emails": [{"value": "b", "primary": True}]
    }


def test_value_without_a_path_names_its_targets() -> None:
    """Names in a path-less value are paths; what a client may not write is left out, what is unknown is noted."""
    sent = operation(
        "replace",
        None,
        {
            "id": "x",
            "schemas": [],
            "password": "secret",
            "DisplayName": "Ada",
            "name.givenName": "A",
            f"{ENTERPRISE}:department": "R",
            ILMS: {"customField1": "c", "manager.email": ""},
            'emails[type eq "home"].value': "h",
            "no path!": 1,
            "shoeSize": 43,
        },
    )
    outcome = apply_patch(ADA, {"Operations": [sent]}, user_schema())

    assert outcome.document == {
        **ADA,
        "displayName": "Ada",
        "name": {"givenName": "A", "familyName": "L"},
        "emails": [{"value": "h", "type": "home"}, WORK],
        ENTERPRISE: {**ADA[ENTERPRISE], "department": "R"},
        ILMS: {"region": "EMEA", "customField1": "c", "manager": {"id": "usr_1"}},
    }
    ignored = [note.split('"')[1] for note in outcome.notes if note.endswith("ignored")]
    assert ignored == ["no path!", "shoeSize"]


def test_unknown_path_is_ignored_and_noted() -> None:
    """P26: an attribute that no schema declares is left out, as in a body."""
    sent = [operation("add", "urn:x:2.0:User:y", 1), operation("remove", 'shoes[size eq "43"]')]
    outcome = apply_patch(ADA, {"Operations": sent}, user_schema())

    assert outcome.document == ADA
    assert len(outcome.notes) == 2


def test_read_only_part_of_an_attribute_is_ignored() -> None:
    """A manager's displayName is the server's; a provider that maps it must not fail for it."""
    assert changes(operation("add", f"{ENTERPRISE}:manager.displayName", "Boss")) == {}


def test_message_members_are_matched_in_any_case() -> None:
    """The members of a PATCH message are attributes too."""
    message = {"operations": [{"OP": "replace", "Path": "title", "Value": "Boss"}]}

    assert apply_patch(ADA, message, user_schema()).document["title"] == "Boss"


@pytest.mark.parametrize(
    ("sent", "kind", "word"),
    [
        (operation("replace", "id", "x"), ErrorKind.MUTABILITY, '"id"'),
        (operation("add", "meta.created", "x"), ErrorKind.MUTABILITY, '"meta"'),
        (operation("remove", "groups"), ErrorKind.MUTABILITY, '"groups"'),
        (operation("remove", "userName"), ErrorKind.MUTABILITY, '"userName"'),
        (operation("replace", "userName", ""), ErrorKind.INVALID_VALUE, '"userName"'),
        (operation("replace", "active", "perhaps"), ErrorKind.INVALID_VALUE, '"perhaps"'),
        (operation("replace", "title", "a\0"), ErrorKind.INVALID_VALUE, "U+0000"),
        (operation("add", "title"), ErrorKind.INVALID_VALUE, "no value"),
        (operation("replace", None, "x"), ErrorKind.INVALID_VALUE, "object"),
        (operation("replace", ILMS, "x"), ErrorKind.INVALID_VALUE, ILMS),
        (
            operation("replace", 'emails[type eq "home"]', [{"value": "a"}, {"value": "b"}]),
            ErrorKind.INVALID_VALUE,
            "2",
        ),
        (
            operation("add", "emails", [{"value": "a", "primary": True}, {"value": "b", "primary": True}]),
            ErrorKind.INVALID_VALUE,
            "primary",
        ),
        (operation("remove"), ErrorKind.NO_TARGET, "path"),
        (operation("replace", 'photos[type co "x"].value', "y"), ErrorKind.NO_TARGET, '"photos"'),
        (operation("replace", "emails[", "x"), ErrorKind.INVALID_PATH, "emails["),
        (operation("replace", 'name[givenName eq "x"]', "x"), ErrorKind.INVALID_PATH, '"name"'),
        (operation("replace", "x" * 2000, "x"), ErrorKind.INVALID_PATH, "2000"),
        ({"op": "add", "path": 5, "value": "x"}, ErrorKind.INVALID_PATH, "5"),
        (operation("replace", 'emails[shoe eq "x"]', "x"), ErrorKind.INVALID_FILTER, '"shoe"'),
        (operation("move", "title", "x"), ErrorKind.INVALID_SYNTAX, '"move"'),
        ({"path": "title", "value": "x"}, ErrorKind.INVALID_SYNTAX, "operation"),
    ],
)
def test_operation_that_cannot_be_done_is_refused(sent: Document, kind: ErrorKind, word: str) -> None:
    """A refusal has the scimType of RFC 7644, table 9, and names what is wrong."""
    with pytest.raises(ScimError) as refusal:
        patched(operation("replace", "title", "Boss"), sent)

    assert (refusal.value.kind, word in refusal.value.detail) == (kind, True)


def test_removing_what_is_required_is_refused_for_any_resource() -> None:
    """A removal that leaves none is ``mutability`` (RFC 7644, 3.5.2.2); one undone by a later operation is not."""
    with pytest.raises(ScimError) as refusal:
        apply_patch({"displayName": "G"}, {"Operations": [operation("remove", "displayName")]}, group_schema())
    assert refusal.value.kind is ErrorKind.MUTABILITY
    assert changes(operation("remove", "userName"), operation("add", "userName", "b")) == {"userName": "b"}


def test_what_was_removed_is_told() -> None:
    """The rules of an organization ask which attributes a PATCH took away, by whatever path."""
    for path in (f"{ILMS}:region", ILMS):
        outcome = apply_patch(ADA, {"Operations": [operation("remove", path)]}, user_schema())
        assert f"{ILMS}:region" in outcome.removed
    assert (
        apply_patch(ADA, {"Operations": [operation("replace", f"{ILMS}:region", "")]}, user_schema()).removed == set()
    )


@pytest.mark.parametrize("message", [{}, {"Operations": []}, {"Operations": {}}, {"Operations": ["x"]}])
def test_message_without_operations_is_refused(message: Document) -> None:
    """A PATCH body without a list of operations is ``invalidSyntax``."""
    with pytest.raises(ScimError) as refusal:
        apply_patch(ADA, message, user_schema())

    assert refusal.value.kind is ErrorKind.INVALID_SYNTAX


def test_operations_are_limited() -> None:
    """As many operations as the limit pass, one more does not."""
    one = operation("replace", "title", "Boss")

    assert patched(*[one] * MAX_OPERATIONS)["title"] == "Boss"
    with pytest.raises(ScimError) as refusal:
        patched(*[one] * (MAX_OPERATIONS + 1))
    assert refusal.value.kind is ErrorKind.TOO_MANY
