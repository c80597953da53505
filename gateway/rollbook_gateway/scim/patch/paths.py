"""The path of a PATCH operation: an attribute, a part of it, or some elements of a multi-valued one; parsed once."""

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from scim2_models import InvalidPathException, Path
from scim2_models import path as grammar

from rollbook_gateway.dialect import misprints, unquoted
from rollbook_gateway.scim.compiled import Attribute, Extension, ResourceSchema, Target
from rollbook_gateway.scim.document import read
from rollbook_gateway.scim.errors import ErrorKind, ScimError, shown
from rollbook_gateway.scim.filters import TEXTS, Filter, Reader, check_quotes, condition_reader
from rollbook_gateway.scim.limits import PATH_CHARACTERS
from rollbook_gateway.scim.notes import Notes
from rollbook_gateway.scim.paths import meaning
from rollbook_gateway.scim.values import Document


@dataclass(frozen=True, slots=True)
class PatchPath:
    """What an operation is applied to.

    ``condition`` stands for the brackets in ``emails[type eq "work"].value``; ``described`` is the element that is made
    where none meets it: one of that type, or the primary one. ``None`` where the condition says anything else.
    """

    attribute: Attribute
    sub_attribute: Attribute | None = None
    condition: Filter | None = None
    described: Document | None = None
    notes: tuple[str, ...] = ()
    """What was read otherwise in the brackets than it was sent."""


@lru_cache(maxsize=1024)
def parse_path(text: str, schema: ResourceSchema) -> PatchPath | Extension | None:
    """Read a path; ``None`` where it names no attribute, ``invalidPath`` where it is no path at all."""
    found = meaning(text, schema)
    if isinstance(found, Target):
        return PatchPath(found.attribute, found.sub_attribute)
    if found is not None:
        return found
    if len(text) > PATH_CHARACTERS:
        raise ScimError(ErrorKind.INVALID_PATH, f"a path of {len(text)} characters: send {PATH_CHARACTERS} at most")
    path, literals = parse_grammar(text)
    condition = path.value_filter
    if condition is None:
        return None
    return _selecting(text, path, condition, literals, schema)


def parse_grammar(text: str) -> "tuple[Path[Document], list[str]]":  # type: ignore[type-var]  # unbound: our own table resolves names
    """Return a path with numbers in place of the values in its brackets, and these values; raise ``invalidPath``."""
    shape, literals = unquoted.lifted(text)
    check_quotes(text, literals, ErrorKind.INVALID_PATH)
    for written in (shape, misprints.path_without_blanks(shape)):
        with suppress(InvalidPathException):
            return _grammatical(written), literals
    try:
        return _grammatical(text), []
    except InvalidPathException as error:  # of the text itself, so that it names the right column
        raise ScimError(
            ErrorKind.INVALID_PATH, f"the path {shown(text)} cannot be read: {error.detail}; send an attribute path"
        ) from None


def _grammatical(text: str) -> "Path[Document]":  # type: ignore[type-var]  # as above
    path: Path[Document] = Path(text)  # type: ignore[type-var]  # as above
    _ = path.value_filter  # parsed only when it is asked for
    return path


def _selecting(
    text: str,
    path: "Path[Document]",  # type: ignore[type-var]  # as above
    condition: grammar.FilterNode,
    literals: list[str],
    schema: ResourceSchema,
) -> PatchPath | None:
    names = ".".join(path.parts)
    found = meaning(f"{path.schema}:{names}" if path.schema else names, schema)
    if not isinstance(found, Target):
        return None
    attribute = found.attribute
    if not (attribute.multi_valued and attribute.sub_attributes):
        raise ScimError(
            ErrorKind.INVALID_PATH,
            f'the path {shown(text)} chooses among values of "{attribute.path}", which is no list of objects: '
            "leave out the brackets",
        )
    notes: Notes = []
    reader = condition_reader(attribute, text, literals, notes)
    chosen, described = reader.read(condition), _described(condition, attribute, reader)
    return PatchPath(attribute, found.sub_attribute, chosen, described, tuple(notes))


def _described(condition: grammar.FilterNode, attribute: Attribute, reader: Reader) -> Document | None:
    terms = (
        condition.terms
        if isinstance(condition, grammar.LogicalExpr) and condition.op == grammar.LogicalOperator.and_
        else (condition,)
    )
    element: Document = {}
    for term in terms:
        if not (isinstance(term, grammar.Comparison) and term.op == grammar.CompareOperator.eq):
            return None
        sub_attribute = attribute.sub_attributes[term.attr_path.attr.lower()]
        value = read(sub_attribute, reader.literal(term.value, of_text=sub_attribute.type in TEXTS), [])
        if value is None or not (sub_attribute.name == "type" or (sub_attribute.name == "primary" and value is True)):
            return None
        element[sub_attribute.name] = value
    return element
