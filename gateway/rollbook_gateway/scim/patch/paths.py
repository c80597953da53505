"""The path of a PATCH operation: an attribute, a part of it, or some elements of a multi-valued one; parsed once."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from scim2_models import InvalidPathException, Path
from scim2_models import path as grammar

from rollbook_contracts.remembered import remembered
from rollbook_gateway.dialect import misprints, unquoted
from rollbook_gateway.scim.compiled import Attribute, Extension, ResourceSchema, Target
from rollbook_gateway.scim.document import read
from rollbook_gateway.scim.errors import ErrorKind, ScimError, shown
from rollbook_gateway.scim.filters import Filter, parse_condition
from rollbook_gateway.scim.paths import meaning
from rollbook_gateway.scim.values import Document

_LONGEST: Final = 1024


@dataclass(frozen=True, slots=True)
class PatchPath:
    """What an operation is applied to.

    ``condition`` stands for the brackets in ``emails[type eq "work"].value``; ``described`` is the element that such a
    condition describes by ``eq`` and ``and`` alone, ``None`` where it describes none.
    """

    attribute: Attribute
    sub_attribute: Attribute | None = None
    condition: Filter | None = None
    described: Document | None = None


@remembered(1024)
def parse_path(text: str, schema: ResourceSchema) -> PatchPath | Extension | None:
    """Read a path; ``None`` where it names no attribute, ``invalidPath`` where it is no path at all."""
    found = meaning(text, schema)
    if isinstance(found, Target):
        return PatchPath(found.attribute, found.sub_attribute)
    if found is not None:
        return found
    if len(text) > _LONGEST:
        raise ScimError(ErrorKind.INVALID_PATH, f"a path of {len(text)} characters: send {_LONGEST} at most")
    path = _parsed(text)
    condition = path.value_filter
    if condition is None:
        return None
    return _selecting(path, condition, schema)


def _parsed(text: str) -> "Path[Document]":  # type: ignore[type-var]  # unbound: our own table resolves names
    try:
        return _grammatical(text)
    except InvalidPathException as error:
        with suppress(InvalidPathException):
            return _grammatical(unquoted.quoted(misprints.path_without_blanks(text)))
        raise ScimError(
            ErrorKind.INVALID_PATH, f"the path {shown(text)} cannot be read: {error.detail}; send an attribute path"
        ) from None


def _grammatical(text: str) -> "Path[Document]":  # type: ignore[type-var]  # as above
    path: Path[Document] = Path(text)  # type: ignore[type-var]  # as above
    _ = path.value_filter  # parsed only when it is asked for
    return path


def _selecting(path: "Path[Document]", condition: grammar.FilterNode, schema: ResourceSchema) -> PatchPath | None:  # type: ignore[type-var]  # as above
    names = ".".join(path.parts)
    found = meaning(f"{path.schema}:{names}" if path.schema else names, schema)
    if not isinstance(found, Target):
        return None
    attribute = found.attribute
    if not (attribute.multi_valued and attribute.sub_attributes):
        raise ScimError(
            ErrorKind.INVALID_PATH,
            f'the path {shown(str(path))} chooses among values of "{attribute.path}", which is no list of objects: '
            "leave out the brackets",
        )
    return PatchPath(
        attribute,
        found.sub_attribute,
        parse_condition(condition, attribute, str(path)),
        _described(condition, attribute),
    )


def _described(condition: grammar.FilterNode, attribute: Attribute) -> Document | None:
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
        element[sub_attribute.name] = read(sub_attribute, term.value, [])
    return element
