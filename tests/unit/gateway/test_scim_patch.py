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


@pytest.mark.parametrize(
    "sent",
    [
        operation("remove", "name", {"givenName": "Ada"}),
        operation("Remove", "name", {"GIVENNAME": "ADA"}),
        operation("remove", "name", [{"givenName": ""}]),
        operation("remove", "name", {"givenName": None, "middleName": "x"}),
    ],
)
def test_a_value_names_the_parts_that_a_removal_takes(sent: Document) -> None:
    """What the value of a remove does not name stays."""
    assert changes(sent) == {"name": {"familyName": "L"}}


def test_a_value_names_what_a_removal_takes_of_an_extension() -> None:
    """An extension is an object too, and so is a complex attribute in it."""
    department = operation("remove", ENTERPRISE, {"department": "sales", "division": "x"})
    assert changes(department) == {ENTERPRISE: {"manager": ADA[ENTERPRISE]["manager"]}}
    manager = operation("remove", ENTERPRISE, {"manager": {"value": "usr_1"}})
    assert changes(manager) == {ENTERPRISE: {"department": "Sales"}}
    email = operation("remove", ILMS, {"manager": {"email": ""}})
    assert changes(email) == {ILMS: {"region": "EMEA", "manager": {"id": "usr_1"}}}
    dotted = operation("remove", ILMS, {"manager.email": "boss@x"})
    assert changes(dotted) == {ILMS: {"region": "EMEA", "manager": {"id": "usr_1"}}}
    by_id = operation("remove", f"{ILMS}:manager", "usr_1")
    assert changes(by_id) == {ILMS: {"region": "EMEA", "manager": {"email": "boss@x"}}}


@pytest.mark.parametrize(
    "sent", ["usr_1", {"value": "usr_1"}, [{"value": "usr_1"}], {"$ref": "/Users/usr_1"}, "", {}, {"value": ""}]
)
def test_a_manager_is_removed_by_value(sent: Any) -> None:
    """A reference goes as a whole, where its value, or none, is what is to be removed."""
    assert changes(operation("Remove", f"{ENTERPRISE}:manager", sent)) == {ENTERPRISE: {"department": "Sales"}}


@pytest.mark.parametrize(
    ("path", "value", "stays"),
    [
        ("name", {"givenName": "Bob"}, "name.givenName"),
        (ENTERPRISE, {"department": "Legal"}, f"{ENTERPRISE}:department"),
        (f"{ENTERPRISE}:manager", "usr_2", f"{ENTERPRISE}:manager.value"),
        (ILMS, {"manager.email": "other@x"}, f"{ILMS}:manager.email"),
    ],
)
def test_another_value_is_not_removed(path: str, value: Any, stays: str) -> None:
    """What is not there is removed all the same; what is there in its place stays, and a note says so."""
    outcome = apply_patch(ADA, {"Operations": [operation("remove", path, value)]}, user_schema())

    assert outcome.document == ADA
    assert f'"{stays}" has another value than the one to be removed, and stays' in outcome.notes


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


def test_a_wrapped_value_is_read_by_every_path() -> None:
    """Entra's object around a simple value is the value, for attributes, parts and chosen elements."""
    wrapped = [{"$ref": None, "value": "x"}]

    assert changes(operation("Add", "title", wrapped)) == {"title": "x"}
    assert changes(operation("Add", f"{ILMS}:customField1", wrapped)) == {ILMS: {**ADA[ILMS], "customField1": "x"}}
    assert changes(operation("Replace", 'emails[type eq "home"].value', wrapped)) == {
        "emails": [{"value": "x", "type": "home"}, WORK]
    }


def test_elements_are_added_once() -> None:
    """Add appends what is not there yet."""
    assert changes(operation("add", "emails", [HOME, {"value": "x"}])) == {"emails": [HOME, WORK, {"value": "x"}]}
    assert changes(operation("add", "emails", HOME)) == {}
    assert changes(operation("add", "emails", [])) == {}


@pytest.mark.parametrize(
    ("sent", "there"),
    [
        ({"value": "ada@work"}, [HOME, WORK]),
        ({"value": "ADA@Work", "type": "WORK"}, [HOME, WORK]),
        ({"value": "ada@home", "primary": False}, [HOME, WORK]),
        ({"value": "ada@home", "type": "home", "display": "H"}, [{**HOME, "display": "H"}, WORK]),
        ({"value": "ada@home", "primary": True}, [{**HOME, "primary": True}, {**WORK, "primary": False}]),
        ({"value": "ada@work", "primary": False}, [HOME, {**WORK, "primary": False}]),
        ({"value": "ada@work", "type": "home"}, [HOME, WORK, {"value": "ada@work", "type": "home"}]),
    ],
)
def test_an_element_that_is_there_is_not_doubled(sent: Document, there: list[Document]) -> None:
    """Added with fewer parts, in other case or with new parts, an element stays one; another type makes another one."""
    added = patched(operation("add", "emails", sent))

    assert added["emails"] == there
    assert patched(*[operation("add", "emails", sent)] * 2)["emails"] == there
    assert patched(operation("add", None, {"emails": [sent]}))["emails"] == there


def test_an_element_without_a_type_gets_the_one_that_is_added() -> None:
    """The value tells it; what counts as the work address is not made the address at home."""
    typeless = {"userName": "jo", "emails": [{"value": "a", "primary": True}, {"value": "b"}]}

    assert changes(operation("add", "emails", {"value": "b", "type": "home"}), document=typeless) == {
        "emails": [{"value": "a", "primary": True}, {"value": "b", "type": "home"}]
    }
    assert len(patched(operation("add", "emails", {"value": "a", "type": "home"}), document=typeless)["emails"]) == 3
    assert changes(operation("add", "emails", {"value": "b"}), document=typeless) == {}


def test_an_address_that_is_there_is_not_doubled() -> None:
    """Elements without a value are told by all of their parts."""
    bonn = {"type": "work", "locality": "Bonn", "country": "DE"}
    before = {"userName": "jo", "addresses": [bonn]}

    assert changes(operation("add", "addresses", {"locality": "BONN"}), document=before) == {}
    assert changes(operation("add", "addresses", {"locality": "Bonn", "region": "NW"}), document=before) == {
        "addresses": [bonn, {"locality": "Bonn", "region": "NW"}]
    }


@pytest.mark.parametrize(
    "listed", [{"value": "ADA@home"}, {"value": "ada@home", "type": "Home"}, {"value": "ada@home", "primary": False}]
)
def test_removal_by_value_compares_as_filters_do(listed: Document) -> None:
    """Case counts only where the schema says so, and what is not primary is primary false."""
    assert changes(operation("remove", "emails", [listed])) == {"emails": [WORK]}
    photos = {"userName": "jo", "photos": [{"value": "http://x/A"}]}
    assert changes(operation("remove", "photos", [{"value": "http://x/a"}]), document=photos) == {}


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


def test_an_element_whose_value_is_taken_away_is_gone() -> None:
    """An address without a value is none, whichever operation leaves it so."""
    for sent in (
        operation("replace", 'emails[type eq "home"].value', ""),
        operation("replace", 'emails[type eq "home"]', {"value": "", "display": "H"}),
        operation("remove", 'emails[type eq "home"].value'),
    ):
        assert changes(sent) == {"emails": [WORK]}
    assert changes(operation("add", "emails", [{"value": "", "type": "other"}])) == {}
    assert changes(operation("add", 'emails[type eq "other"]', {"value": "", "display": "O"})) == {}
    assert changes(operation("replace", "emails", [{"value": None, "type": "work"}])) == {"emails": None}
    bonn = {"userName": "jo", "addresses": [{"type": "work", "locality": "Bonn"}]}
    cleared = operation("replace", 'addresses[type eq "work"].locality', "")
    assert changes(cleared, document=bonn) == {"addresses": None}


def test_a_manager_may_be_written_by_reference() -> None:
    """By its object or its part alone, a $ref gives the value that it ends in; one that is there stays."""
    reference = "https://h.example/scim/acme/v2/Users/usr_2"
    manager = {"value": "usr_2", "$ref": reference}
    nobody: Document = {"userName": "jo"}

    for sent in (
        operation("replace", f"{ENTERPRISE}:manager", {"$ref": reference}),
        operation("add", f"{ENTERPRISE}:manager.$ref", reference),
        operation("add", ENTERPRISE, {"manager": [{"$ref": reference}]}),
    ):
        assert changes(sent, document=nobody) == {ENTERPRISE: {"manager": manager}}
    assert changes(operation("replace", f"{ENTERPRISE}:manager", {"$ref": reference})) == {
        ENTERPRISE: {**ADA[ENTERPRISE], "manager": manager}
    }
    assert patched(operation("replace", f"{ENTERPRISE}:manager.$ref", reference))[ENTERPRISE]["manager"] == {
        "value": "usr_1",
        "$ref": reference,
    }


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


def test_what_is_not_primary_is_primary_false() -> None:
    """An element without ``primary`` is chosen by false (RFC 7643, 2.4)."""
    assert changes(operation("replace", "emails[primary eq false].display", "D")) == {
        "emails": [{**HOME, "display": "D"}, WORK]
    }
    assert changes(operation("remove", "emails[primary eq false]")) == {"emails": [WORK]}
    assert changes(operation("remove", "emails[primary ne false]")) == {"emails": [HOME]}
    assert changes(operation("remove", "emails[not (primary pr)]")) == {"emails": [WORK]}


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
        (operation("remove", None, {"name": {"givenName": "Ada"}}), ErrorKind.NO_TARGET, "path"),
        (operation("remove", "name", 5), ErrorKind.INVALID_VALUE, '"name"'),
        (operation("remove", ENTERPRISE, "Sales"), ErrorKind.INVALID_VALUE, "object"),
        (operation("replace", 'photos[type co "x"].value', "y"), ErrorKind.NO_TARGET, '"photos"'),
        (operation("replace", "emails[", "x"), ErrorKind.INVALID_PATH, "emails["),
        (operation("replace", 'name[givenName eq "x"]', "x"), ErrorKind.INVALID_PATH, '"name"'),
        (operation("replace", "x" * 2000, "x"), ErrorKind.INVALID_PATH, "2000"),
        ({"op": "add", "path": 5, "value": "x"}, ErrorKind.INVALID_PATH, "5"),
        (operation("replace", 'emails[shoe eq "x"]', "x"), ErrorKind.INVALID_FILTER, '"shoe"'),
        (operation("replace", "emails[type eq 'work'].value", "x"), ErrorKind.INVALID_PATH, "double quotes"),
        (operation("remove", "roles[value eq \u2018A\u2019]"), ErrorKind.INVALID_PATH, "double quotes"),
        (operation("add", "roles[primary eq `true`].value", "A"), ErrorKind.INVALID_PATH, "double quotes"),
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
