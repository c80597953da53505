"""A resource as a client sends it becomes the document that is stored: one pass that checks, names and leaves out.

POST and PUT take a whole body through ``canonicalise``; PATCH takes each value it writes through ``read``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rollbook_contracts.emails import principal_email
from rollbook_gateway.dialect import entra, okta, references
from rollbook_gateway.dialect.absence import is_absent, is_hollow
from rollbook_gateway.scim.compiled import Attribute, Extension, Meaning, ResourceSchema, Target
from rollbook_gateway.scim.errors import ErrorKind, ScimError, shown
from rollbook_gateway.scim.limits import PRINCIPAL_EMAIL
from rollbook_gateway.scim.notes import Notes, note
from rollbook_gateway.scim.odd_names import fill, misnamed_part, note_schemas
from rollbook_gateway.scim.paths import meaning, provider_spelling, read_as
from rollbook_gateway.scim.simple_values import SIMPLE_READERS, check_key, wrong_type
from rollbook_gateway.scim.values import Document, Json

NOTHING_REMOVED: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Canonical:
    """A document fit to be stored (no id, meta, schemas, password or groups), and what was left out of it.

    ``removed`` names the attributes, those of an extension as ``URN:name``, that a PATCH took values from.
    """

    document: Document
    notes: Notes
    removed: frozenset[str] = NOTHING_REMOVED


def canonicalise(body: Document, schema: ResourceSchema, notes: Notes | None = None) -> Canonical:
    """Check a whole resource and bring it into the schema's spelling; raise ``ScimError`` for what cannot be stored."""
    canonical = read_attributes(body, schema, notes)
    check_whole(canonical.document, schema)
    return canonical


def read_attributes(body: Document, schema: ResourceSchema, notes: Notes | None = None) -> Canonical:
    """Check attributes and bring them into the schema's spelling, whether or not they make a whole resource.

    Names are matched in any case; nulls and empty values mean absence; what is read-only, never returned or unknown is
    left out. A second pass over the answer changes nothing. ``notes`` that are handed in hold those on what is refused,
    too.
    """
    document: Document = {}
    notes = [] if notes is None else notes
    odd: Document = {}
    table = schema.table
    for name, value in body.items():
        found = table.get(name)
        if found is None:
            odd[name] = value
        else:
            _put(document, found, value, notes)
    if odd:
        _put_below(document, odd, lambda name: meaning(name, schema), notes, _put)
    if "schemas" in body:
        note_schemas(body["schemas"], document, schema, notes)
    return Canonical(document, notes)


def check_whole(document: Document, schema: ResourceSchema, removed: frozenset[str] = NOTHING_REMOVED) -> None:
    """Raise unless the resource holds what it cannot be stored without, and a key that only the whole shows fits.

    ``removed`` is as in ``Canonical``.
    """
    for attribute in schema.required:
        value = document.get(attribute.name)
        if not value or (isinstance(value, str) and not value.strip()):
            raise ScimError(
                without_required(attribute.name, removed),
                f'attribute "{attribute.path}" is required: send it with a value that is not empty',
            )
    if (email := principal_email(document.get("emails", ()))) is not None:
        check_key(PRINCIPAL_EMAIL, email)


def without_required(path: str, removed: frozenset[str]) -> ErrorKind:
    """Return how a resource without a required attribute is refused: a removal is no value (RFC 7644, 3.5.2.2)."""
    return ErrorKind.MUTABILITY if path in removed else ErrorKind.INVALID_VALUE


def read(attribute: Attribute, value: Json, notes: Notes) -> Json:
    """Return a sent value in the form in which it is stored, ``None`` where it means absence."""
    if is_absent(value):
        if value == "":
            note(notes, f"{shown(attribute.path)} was sent empty and read as absent")
        return None
    if attribute.multi_valued:
        return _read_elements(attribute, value, notes)
    kind = type(value)
    if kind is list and len(value) == 1:  # some providers wrap single values; a manager may come so too (P19)
        note(notes, f"{shown(attribute.path)} was sent as a list of one and read as that one")
        return read(attribute, value[0], notes)
    if kind is dict and attribute.type != "complex" and (wrapped := entra.value_of_reference(value)) is not value:
        note(notes, f"{shown(attribute.path)} was sent as an object and read as the value in it")
        return read(attribute, wrapped, notes)
    return _READERS[attribute.type](attribute, value, notes)


def _put(document: Document, found: Meaning, value: Json, notes: Notes) -> None:
    if isinstance(found, Extension):
        _read_extension(document, found, value, notes)
        return
    if found.attribute.extension and not is_absent(value):
        note(notes, f"{shown(found.path)} was sent beside its extension and was read as a part of it")
    _place(document, found, value, notes)


def _put_below(
    document: Document,
    odd: Document,
    find: Callable[[str], Meaning | None],
    notes: Notes,
    put: Callable[[Document, Any, Json, Notes], None],
) -> None:
    """Put attributes that are named otherwise than in the schema where no others stand: the right name wins (N05)."""
    found_there: Document = {}
    for name, value in odd.items():
        found = find(name)
        if found is None:
            note(notes, f"unknown attribute {shown(name)} was ignored")
            continue
        path = found.path if isinstance(found, Target) else found.urn
        if name.lower() != path.lower():
            note(notes, read_as(name, found))
        put(found_there, found, value, notes)
    fill(document, found_there)


def _read_extension(document: Document, extension: Extension, value: Json, notes: Notes) -> None:
    if is_absent(value):
        return
    if type(value) is not dict:
        raise ScimError(
            ErrorKind.INVALID_VALUE,
            f'extension "{extension.urn}" holds {shown(value)}: send an object with its attributes',
        )
    table = extension.table
    odd: Document = {}
    for name, item in value.items():
        target = table.get(name) or table.get(name.lower())
        if target is None:
            odd[f"{extension.urn}:{name}"] = item
        else:
            _place(document, target, item, notes)
    if odd:
        _put_below(document, odd, lambda path: table.get(provider_spelling(path).lower()), notes, _place)


def _place(document: Document, target: Target, value: Json, notes: Notes) -> None:
    """Put one value where its path says; a dotted name is a path into a complex attribute (C15)."""
    attribute, sub_attribute = target.attribute, target.sub_attribute
    if not attribute.stored:
        return
    if sub_attribute is not None:
        if not is_absent(value):
            note(notes, f"{shown(target.path)} was sent as one name and read as a path")
        value = {sub_attribute.name: value}
    stored = read(attribute, value, notes)
    if stored is None:
        return
    if attribute.extension:
        document = document.setdefault(attribute.schema, {})
    if type(stored) is dict and attribute.name in document:
        stored = {**document[attribute.name], **stored}
    document[attribute.name] = stored


def _read_elements(attribute: Attribute, value: Json, notes: Notes) -> list[Json] | None:
    stored = []
    primaries = 0
    reader = _READERS[attribute.type]
    if type(value) is not list:
        note(notes, f"{shown(attribute.path)} was sent without its list and read as the only element")
    for element in okta.elements(value):
        if is_absent(element):
            continue
        item = reader(attribute, element, notes)
        if item and type(element) is dict and is_hollow(item, emptied_parts(attribute, element)):
            note(notes, f"an element of {shown(attribute.path)} was sent without its value and left out")
        elif item:
            stored.append(item)
            primaries += type(item) is dict and item.get("primary") is True
    if primaries > 1:
        raise ScimError(
            ErrorKind.INVALID_VALUE,
            f'attribute "{attribute.path}" has {primaries} primary values: mark one of them at most',
        )
    return stored or None


def emptied_parts(attribute: Attribute, sent: Document) -> set[str]:
    """Return the names of the sub-attributes that were sent without a value."""
    names = (name.lower() for name, value in sent.items() if is_absent(value))
    return {attribute.sub_attributes[name].name for name in names if name in attribute.sub_attributes}


def by_reference(attribute: Attribute, stored: Document, notes: Notes) -> Document | None:
    """Return a reference that was sent by its ``$ref`` alone, with the value that this ends in; ``None`` for none."""
    value = references.last_segment(stored["$ref"])
    if not value:
        note(notes, f"{shown(attribute.path)} was sent by a $ref that names nobody, and was left out")
        return None
    note(notes, f"{shown(attribute.path)} was sent by its $ref alone and read as the value {shown(value)}")
    return {"value": read(attribute.sub_attributes["value"], value, notes), **stored}


def _object(attribute: Attribute, value: Json, notes: Notes) -> Document:
    """Return the object that a complex value is, or stands for."""
    if type(value) is str and (reference := entra.reference_object(value, attribute.sub_attributes)) is not None:
        note(notes, f"{shown(attribute.path)} was sent as text and read as an object")
        value = reference
    if type(value) is not dict:
        raise wrong_type(attribute, value, "an object")
    if attribute.name == "roles" and (role := entra.role_from_json_text(value)) is not value:
        note(notes, f"{shown(attribute.path)} was sent as JSON in text and read as an object")
        return role
    return value


def _read_complex(attribute: Attribute, value: Json, notes: Notes) -> Document | None:
    value = _object(attribute, value, notes)
    stored: Document = {}
    sub_attributes = attribute.sub_attributes
    odd: Document = {}
    for name, item in value.items():
        sub_attribute = sub_attributes.get(name) or sub_attributes.get(name.lower())
        if sub_attribute is None:
            odd[name] = item
        elif sub_attribute.stored:
            kept = read(sub_attribute, item, notes)
            if kept is not None:
                stored[sub_attribute.name] = kept
    for name, item in odd.items():
        sub_attribute = misnamed_part(attribute, name, notes)
        if sub_attribute is not None and sub_attribute.stored and sub_attribute.name not in stored:
            kept = read(sub_attribute, item, notes)
            if kept is not None:
                stored[sub_attribute.name] = kept
    if attribute.is_reference and "$ref" in stored and "value" not in stored:
        return by_reference(attribute, stored, notes)
    return stored or None


_READERS: Final[Mapping[str, Callable[[Attribute, Json, Notes], Json]]] = {**SIMPLE_READERS, "complex": _read_complex}
