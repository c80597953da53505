"""Filters: the text of a query becomes a small tree whose attributes are resolved and whose values are typed.

The grammar is the library's. Filters differ mostly in their quoted values, so the parse of a filter without these (its
shape) is cached, and only the values are bound anew. Evaluation and SQL read the tree.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from scim2_models import InvalidFilterException, ScimFilter
from scim2_models import path as grammar

from rollbook_contracts.datetimes import instant
from rollbook_contracts.folding import fold
from rollbook_gateway.dialect import entra, misprints, unquoted
from rollbook_gateway.scim.compiled import Attribute, ResourceSchema, Target
from rollbook_gateway.scim.errors import ErrorKind, ScimError, shown
from rollbook_gateway.scim.filter_length import check_length
from rollbook_gateway.scim.limits import FILTER_MENDED_CHARACTERS
from rollbook_gateway.scim.notes import Notes, note
from rollbook_gateway.scim.paths import meaning, reading, spelled_out
from rollbook_gateway.scim.values import Json

EQUALITY: Final = frozenset({"eq", "ne"})
ORDER: Final = frozenset({"gt", "ge", "lt", "le"})
SUBSTRING: Final = frozenset({"co", "sw", "ew"})

_OPERATORS: Final = {
    "string": EQUALITY | ORDER | SUBSTRING,
    "reference": EQUALITY | ORDER | SUBSTRING,
    "binary": EQUALITY,
    "boolean": EQUALITY,
    "dateTime": EQUALITY | ORDER,
    "integer": EQUALITY | ORDER,
    "decimal": EQUALITY | ORDER,
}
"""Which operators each type of attribute can be compared with (RFC 7644, 3.4.2.2)."""

TEXTS: Final = frozenset({"string", "reference", "binary"})


@dataclass(frozen=True, slots=True)
class Comparison:
    """An attribute against a value.

    Text is folded where the attribute is compared without case; a date is text of one width in UTC
    (``rollbook_contracts.datetimes.instant``), so that the order of texts is that of instants. ``ne`` is true exactly
    where ``eq`` is not, also of an attribute that is absent; of several values one that matches suffices.
    """

    target: Target
    operator: str
    value: str | bool | float


@dataclass(frozen=True, slots=True)
class Present:
    """Whether an attribute has a value."""

    target: Target


@dataclass(frozen=True, slots=True)
class ValueFilter:
    """Whether one element of a complex multi-valued attribute meets a condition on its sub-attributes.

    Inside ``condition`` a target's ``attribute`` is the sub-attribute itself.
    """

    target: Target
    condition: "Filter"


@dataclass(frozen=True, slots=True)
class Not:
    term: "Filter"


@dataclass(frozen=True, slots=True)
class And:
    terms: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    terms: "tuple[Filter, ...]"


Filter: TypeAlias = Comparison | Present | ValueFilter | Not | And | Or

Find: TypeAlias = Callable[[str], Target | None]
"""How an attribute path in a filter is looked up."""


def parse_filter(text: str, schema: ResourceSchema, notes: Notes | None = None) -> Filter:
    """Parse a filter on resources of ``schema``; raise ``invalidFilter`` where it means nothing there.

    ``notes`` get a sentence for what was read otherwise than it was sent.
    """
    notes = [] if notes is None else notes
    check_length(text)

    def find(path: str) -> Target | None:
        found = meaning(path, schema)
        if (read_otherwise := reading(path, schema)) is not None:
            note(notes, read_otherwise)
        return found if isinstance(found, Target) else None

    shape, literals = unquoted.lifted(text)
    check_quotes(text, literals, ErrorKind.INVALID_FILTER)
    try:
        node = _parsed(shape) if len(shape) <= FILTER_MENDED_CHARACTERS else ScimFilter(shape).ast
    except InvalidFilterException:
        mended = _mended(shape)
        if mended is None:
            return Reader(text, find, [], schema, notes).read(_explained(text))
        note(notes, f"the filter {shown(text)} was read without the blanks in its names")
        node = mended
    return Reader(text, find, literals, schema, notes).read(node)


def condition_reader(attribute: Attribute, text: str, literals: list[str], notes: Notes) -> "Reader":
    """Return what reads the condition inside the brackets of a PATCH path, on the attribute in front of them."""
    return Reader(text, _inside(attribute), literals, schema=None, notes=notes)


def check_quotes(text: str, literals: list[str], kind: ErrorKind) -> None:
    """Raise where a value of a filter, or of a path, stands in quotes other than JSON's."""
    for literal in filter(unquoted.in_other_quotes, literals):
        noun = "filter" if kind is ErrorKind.INVALID_FILTER else "path"
        raise ScimError(
            kind,
            f"the {noun} {shown(text)} holds the value {literal[:80]}, whose quotes are not those of JSON: put it in "
            'double quotes, as in userName eq "ada@example.com"',
        )


@lru_cache(maxsize=512)
def _parsed(shape: str) -> grammar.FilterNode:
    return ScimFilter(shape).ast


def _mended(shape: str) -> grammar.FilterNode | None:
    """Parse a filter whose names the guide's misprints have broken; ``None`` where that is not what is wrong."""
    if len(shape) > FILTER_MENDED_CHARACTERS:
        return None
    try:
        return _parsed(misprints.filter_without_blanks(shape))
    except InvalidFilterException:
        return None


def _explained(text: str) -> grammar.FilterNode:
    """Parse the text itself, so that an error names the right column."""
    try:
        return ScimFilter(text).ast
    except InvalidFilterException as error:
        raise ScimError(
            ErrorKind.INVALID_FILTER,
            f'the filter {shown(text)} cannot be read: {error.detail}; an example is userName eq "ada@example.com"',
        ) from None


def _inside(attribute: Attribute) -> Find:
    def find(path: str) -> Target | None:
        found = attribute.sub_attributes.get(path) or attribute.sub_attributes.get(path.lower())
        return Target(found) if found is not None else None

    return find


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one parsed filter: resolves its attributes by ``find`` and types its values.

    ``literals`` are the values that were lifted out of the text; with none, the values stand in the nodes.
    """

    text: str
    find: Find
    literals: list[str]
    schema: ResourceSchema | None
    notes: Notes

    def read(self, node: grammar.FilterNode) -> Filter:
        match node:
            case grammar.Comparison():
                return self._comparison(node)
            case grammar.Present():
                return Present(self._target(node.attr_path))
            case grammar.Not():
                return Not(self.read(node.expr))
            case grammar.LogicalExpr(op=grammar.LogicalOperator.and_):
                return And(tuple(self.read(term) for term in node.terms))
            case grammar.LogicalExpr():
                return Or(tuple(self.read(term) for term in node.terms))
            case grammar.ValuePath():
                return self._value_filter(node)
        raise TypeError(node)

    def _comparison(self, node: grammar.Comparison) -> Filter:
        target = self._target(node.attr_path)
        compared = target.leaf.comparable
        if compared is None:
            raise self._refused(f'attribute "{target.path}" is complex: compare one of its parts')
        if compared is not target.leaf:
            target = Target(target.attribute, compared)
        operator = str(node.op.value)
        if operator not in _OPERATORS[compared.type]:
            allowed = " ".join(sorted(_OPERATORS[compared.type]))
            raise self._refused(
                f'attribute "{target.path}" is of type {compared.type}, which {operator} does not compare: '
                f"use one of {allowed} pr"
            )
        value = self.literal(node.value, of_text=compared.type in TEXTS)
        if value is not None:
            return Comparison(target, operator, self._typed(target, operator, value))
        if operator not in EQUALITY:
            raise self._refused(f'null in "{target.path} {operator} null" has no order: use pr, eq null or ne null')
        present = Present(target)
        return Not(present) if operator == "eq" else present

    def _value_filter(self, node: grammar.ValuePath) -> Filter:
        target = self._target(node.attr_path)
        attribute = target.attribute
        if not attribute.multi_valued or not attribute.sub_attributes:
            raise self._refused(f'attribute "{target.path}" holds no list of objects: leave out the brackets')
        inner = Reader(self.text, _inside(attribute), self.literals, schema=None, notes=self.notes)
        return ValueFilter(target, inner.read(node.val_filter))

    def _target(self, path: grammar.AttrPath) -> Target:
        name = str(path)
        target = self.find(name)
        if target is None:
            column = self.text.find(name) + 1
            hint = spelled_out(name, self.schema) if self.schema is not None else None
            raise self._refused(
                f'there is no attribute "{name}" (column {column})' + (f': it is written "{hint}"' if hint else "")
            )
        if target.leaf.returned == "never":
            raise self._refused(f'attribute "{target.path}" cannot be searched')
        return target

    def literal(self, value: Json, *, of_text: bool) -> Json:
        """Return the value that stands in a node, or for which a number stands there; notes tell of missing quotes."""
        if not (isinstance(value, str) and self.literals):
            return value
        literal = self.literals[int(value)]
        if not literal.startswith('"'):
            if of_text and literal.lower() != "null":
                note(self.notes, f"the value {shown(literal)} in a filter was sent without quotes and read as text")
            return unquoted.value(literal, of_text=of_text)
        try:
            return json.loads(literal)
        except ValueError:
            raise self._refused(f"{shown(literal)} is not text in JSON's manner: mind its backslashes") from None

    def _typed(self, target: Target, operator: str, value: str | bool | float) -> str | bool | float:
        attribute = target.leaf
        match attribute.type:
            case "boolean":
                boolean = entra.boolean_from_text(value) if isinstance(value, str) else value
                if isinstance(boolean, bool):
                    return boolean
                raise self._mismatch(target, value, "true or false")
            case "integer" | "decimal":
                if isinstance(value, int | float) and not isinstance(value, bool):
                    return value
                raise self._mismatch(target, value, "a number")
            case "dateTime":
                moment = instant(value) if isinstance(value, str) else None
                if moment is not None:
                    return moment
                raise self._mismatch(target, value, "a date in quotes, such as 2024-01-15T00:00:00Z")
        if not isinstance(value, str):
            raise self._mismatch(target, value, "text in quotes")
        # No stored text holds these, and a database's driver would choke on them.
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise self._mismatch(target, value, "text without U+0000 and halves of surrogate pairs")
        if operator in SUBSTRING and not attribute.case_exact:
            return fold(value)  # of a part of a name the blanks count
        return attribute.folded(value)

    def _mismatch(self, target: Target, value: Json, wanted: str) -> ScimError:
        return self._refused(f'attribute "{target.path}" is compared with {shown(value)}: send {wanted}')

    def _refused(self, reason: str) -> ScimError:
        return ScimError(ErrorKind.INVALID_FILTER, f"the filter {shown(self.text)} means nothing here: {reason}")
