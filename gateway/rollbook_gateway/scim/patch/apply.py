"""A PATCH message applied to a document: all of its operations in order, or none; called for every PATCH request."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from rollbook_gateway.dialect.absence import is_absent
from rollbook_gateway.scim.compiled import Attribute, Extension, ResourceSchema
from rollbook_gateway.scim.difference import changed_attributes
from rollbook_gateway.scim.document import Canonical, check_whole
from rollbook_gateway.scim.errors import ErrorKind, ScimError, shown
from rollbook_gateway.scim.notes import Notes, note
from rollbook_gateway.scim.patch.add import added
from rollbook_gateway.scim.patch.elements import dropped, written
from rollbook_gateway.scim.patch.operations import Operation, Verb, read_operations
from rollbook_gateway.scim.patch.parts import with_part
from rollbook_gateway.scim.patch.paths import PatchPath, parse_path
from rollbook_gateway.scim.patch.remove import names, removed
from rollbook_gateway.scim.patch.replace import replaced
from rollbook_gateway.scim.paths import reading
from rollbook_gateway.scim.values import Document, Json

MAX_OPERATIONS: Final = 100


def apply_patch(
    document: Document,
    message: Document,
    schema: ResourceSchema,
    notes: Notes | None = None,
    *,
    max_operations: int = MAX_OPERATIONS,
) -> Canonical:
    """Return the document after a PATCH message; raise ``ScimError`` where one operation or the outcome is refused.

    ``notes`` that are handed in hold those on what is refused, too.
    """
    notes = [] if notes is None else notes
    return apply_operations(document, read_operations(message, max_operations, notes), schema, notes)


def apply_operations(
    document: Document, operations: Sequence[Operation], schema: ResourceSchema, notes: Notes | None = None
) -> Canonical:
    """Return the document after all operations of a message, and the notes on these behind those on its form.

    The given document is never changed: every value that differs is made anew, all others are shared.
    """
    new = dict(document)
    notes = [] if notes is None else notes
    removed: set[str] = set()
    for operation in operations:
        before = dict(new)
        _apply(new, operation, schema, notes)
        if operation.verb == "remove":
            removed.update(changed_attributes(before, new))
    check_whole(new, schema, frozenset(removed))
    return Canonical(new, notes, frozenset(removed))


def _apply(document: Document, operation: Operation, schema: ResourceSchema, notes: Notes) -> None:
    if operation.path is None:
        _apply_each(document, operation, "", schema, notes)
        return
    path = parse_path(operation.path, schema)
    if (read_otherwise := reading(operation.path, schema)) is not None:
        note(notes, read_otherwise)
    if path is None:
        note(notes, f"unknown attribute {shown(operation.path)} was ignored")
    elif isinstance(path, Extension):
        _apply_to_extension(document, path, operation, schema, notes)
    elif path.attribute.mutability == "readOnly":
        raise ScimError(
            ErrorKind.MUTABILITY, f'attribute "{path.attribute.path}" is read-only: leave out operations on it'
        )
    else:
        _write(document, path, operation.verb, operation.value, notes)


def _apply_each(document: Document, operation: Operation, prefix: str, schema: ResourceSchema, notes: Notes) -> None:
    """Apply an operation whose value names its targets; dotted and qualified names are paths (P13).

    What a client may not write is left out without a word: providers echo ``id`` and ``schemas`` here (G15, O07).
    """
    if not isinstance(operation.value, dict):
        raise ScimError(
            ErrorKind.INVALID_VALUE,
            f"the {operation.verb} operation on {shown(prefix.removesuffix(':'))} holds {shown(operation.value)}: "
            "send an object with the attributes to write",
        )
    named = [(reading(prefix + name, schema), name, value) for name, value in operation.value.items()]
    odd_first = sorted(named, key=lambda item: item[0] is None)
    for read_otherwise, name, value in odd_first:  # so that the right name has the last word (N05)
        path = _named(prefix + name, schema)
        if read_otherwise is not None:
            note(notes, read_otherwise)
        if path is None:
            note(notes, f"unknown attribute {shown(prefix + name)} was ignored")
        elif isinstance(path, Extension):
            inner = Operation(operation.verb, path.urn, value)
            _apply_to_extension(document, path, inner, schema, notes)
        else:
            if path.sub_attribute is not None or (path.attribute.extension and not prefix):
                note(notes, f"{shown(prefix + name)} was sent as a name and read as a path")
            if operation.verb != "remove" or _is_named(document, path, value, notes):
                _write(document, path, operation.verb, value, notes)


def _is_named(document: Document, path: PatchPath, value: Json, notes: Notes) -> bool:
    """Tell whether a part of the value of a ``remove`` means what is there; lists and objects are asked later."""
    leaf = path.sub_attribute or path.attribute
    if leaf.type == "complex" or path.condition is not None:
        return True
    holder = document.get(path.attribute.schema, {}) if path.attribute.extension else document
    stored = holder.get(path.attribute.name)
    if path.sub_attribute is not None and isinstance(stored, dict):
        stored = stored.get(path.sub_attribute.name)
    return path.attribute.multi_valued or names(leaf, value, stored, notes)


def _named(name: str, schema: ResourceSchema) -> PatchPath | Extension | None:
    try:
        return parse_path(name, schema)
    except ScimError as error:
        if error.kind is ErrorKind.INVALID_PATH:  # a name that cannot be a path is an unknown one
            return None
        raise


def _apply_to_extension(
    document: Document, extension: Extension, operation: Operation, schema: ResourceSchema, notes: Notes
) -> None:
    empties = operation.verb == "remove" or (operation.verb == "replace" and operation.value in (None, ""))
    if empties and is_absent(operation.value):
        document.pop(extension.urn, None)
    elif not is_absent(operation.value):
        _apply_each(document, operation, f"{extension.urn}:", schema, notes)


def _write(document: Document, path: PatchPath, verb: Verb, sent: Json, notes: Notes) -> None:
    attribute = path.attribute
    if not attribute.stored:
        return
    for sentence in path.notes:
        note(notes, sentence)
    holder = document.get(attribute.schema, {}) if attribute.extension else document
    old = holder.get(attribute.name)
    new = _revised(path, verb, old, sent, notes)
    if new == old:
        return
    if attribute.extension:
        holder = {**holder}
    if new is None:
        holder.pop(attribute.name, None)
    else:
        holder[attribute.name] = new
    if attribute.extension:
        document[attribute.schema] = holder
        if not holder:
            del document[attribute.schema]


def _revised(path: PatchPath, verb: Verb, old: Json, sent: Json, notes: Notes) -> Json:
    attribute, sub_attribute = path.attribute, path.sub_attribute
    if path.condition is None and sub_attribute is None:
        return _VERBS[verb](attribute, old, sent, notes)
    if attribute.multi_valued:
        removes = verb == "remove" or (verb == "replace" and sub_attribute is None and _is_nothing(sent))
        new = dropped(path, old or [], notes) if removes else written(path, old or [], sent, notes)
        return new or None
    if sub_attribute is None:
        raise AssertionError(path)  # a condition stands only behind a multi-valued attribute
    return with_part(attribute, old or {}, sub_attribute, None if verb == "remove" else sent, notes) or None


def _is_nothing(sent: Json) -> bool:
    """Tell whether what is put in place of chosen elements is none (RFC 7643, 2.5)."""
    return all(map(is_absent, sent)) if isinstance(sent, list) else is_absent(sent)


_VERBS: Final[Mapping[Verb, Callable[[Attribute, Json, Json, Notes], Json]]] = {
    "add": added,
    "replace": replaced,
    "remove": removed,
}
