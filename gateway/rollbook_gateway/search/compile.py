"""A filter becomes a condition in SQL that holds for exactly the people, or groups, for whom ``evaluate`` holds.

Values stand in parameters only: filters of one shape give one text, whose plan PostgreSQL keeps. What SQL leaves
unknown (NULL) counts as false: AND, OR and WHERE treat it so, and each negation is written ``IS NOT TRUE``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Final, TypeAlias

from rollbook_contracts.folding import fold_reference
from rollbook_contracts.search_document import json_text
from rollbook_gateway.scim.compiled import Attribute, Target
from rollbook_gateway.scim.errors import ErrorKind, ScimError
from rollbook_gateway.scim.filters import And, Comparison, Filter, Not, Or, Present, ValueFilter
from rollbook_gateway.search.columns import ALWAYS_PRESENT, Related, Searched
from rollbook_gateway.search.user_columns import EMAIL, EMAIL_VALUE, PEOPLE

Parameter: TypeAlias = str | bool
Parts: TypeAlias = Callable[[str], str]
"""How SQL reads the sub-attributes of one element, by their names."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition whose parameters follow on those that its statement has of its own.

    ``selective`` says that an index leads to few resources.
    """

    sql: str
    parameters: tuple[Parameter, ...]
    selective: bool


def compile_filter(condition: Filter, *, after: int, searched: Searched = PEOPLE) -> Condition:
    """Return the condition for a filter; its first parameter is the one behind ``$after``, ``$1`` is the tenant."""
    compiler = _Compiler(searched, after)
    sql = compiler.condition(condition)
    return Condition(sql, tuple(compiler.parameters), _is_selective(condition, searched))


@dataclass(slots=True)
class _Compiler:
    searched: Searched
    after: int
    parameters: list[Parameter] = field(default_factory=list)

    def condition(self, term: Filter) -> str:
        match term:
            case Comparison():
                return self._comparison(term)
            case Present():
                return self._present(term.target)
            case And():
                return "(" + " AND ".join([self.condition(part) for part in term.terms]) + ")"
            case Or():
                return "(" + " OR ".join([self.condition(part) for part in term.terms]) + ")"
            case Not():
                return f"({self.condition(term.term)}) IS NOT TRUE"
            case ValueFilter():
                return self._value_filter(term)

    def _comparison(self, comparison: Comparison) -> str:
        target = comparison.target
        if comparison.operator == "ne":
            return f"({self._comparison(Comparison(target, 'eq', comparison.value))}) IS NOT TRUE"
        path = target.path
        self._require_searched(target)
        if (column := self.searched.columns.get(path)) is not None:
            return _compare(comparison.operator, column.sql, self._parameter(comparison.value))
        if path == "schemas":
            schemas = self.searched.schemas
            return _any_of(schemas, _compare(comparison.operator, "element", self._parameter(comparison.value)))
        if (related := self.searched.related.get(target.attribute.name)) is not None:
            return self._related(related, Comparison(Target(target.leaf), comparison.operator, comparison.value))
        return self._in_document(comparison)

    def _in_document(self, comparison: Comparison) -> str:
        target = comparison.target
        narrowing = self._narrowing(comparison)
        if target.attribute.multi_valued:
            assert target.sub_attribute is not None  # all lists but schemas hold objects
            value = _part(target.sub_attribute, _IN_JSON)
            tested = _compare(comparison.operator, value, self._value(comparison.value))
            return f"({narrowing}{_any_of(_elements(target), tested)})"
        found = f"({narrowing}{_compare(comparison.operator, _scalar(target), self._value(comparison.value))})"
        if (column := self.searched.also.get(target.path)) is not None:
            return f"({found} OR {_compare(comparison.operator, column, self._value(comparison.value))})"
        return found

    def _present(self, target: Target) -> str:
        path = target.path
        if path in ALWAYS_PRESENT:
            return "true"
        if (column := self.searched.columns.get(path)) is not None:
            return f"{column.sql} IS NOT NULL"
        if (related := self.searched.related.get(target.attribute.name)) is not None:
            part = target.sub_attribute or target.attribute.sub_attributes["value"]
            return self._related(related, Present(Target(part)))
        if target.attribute.multi_valued:
            if target.sub_attribute is None:
                return _any_of(_elements(target), "true")
            return _any_of(_elements(target), f"{_text('element', target.sub_attribute.name)} IS NOT NULL")
        return f"{_scalar(target)} IS NOT NULL"

    def _value_filter(self, term: ValueFilter) -> str:
        if (related := self.searched.related.get(term.target.attribute.name)) is not None:
            return self._related(related, term.condition)
        narrowing = "".join(
            self._narrowing(part) for part in _conjuncts(term.condition) if isinstance(part, Comparison)
        )
        return f"({narrowing}{_any_of(_elements(term.target), self._element(term.condition, _IN_JSON))})"

    def _related(self, related: Related, term: Filter) -> str:
        """Return a condition that holds where one element that stands in a table of its own meets ``term``."""
        conjuncts = _conjuncts(term)
        having = [self._having(related, part) for part in conjuncts if _names_a_value(part)]
        if len(having) == len(conjuncts) == 1:
            return having[0]
        met = [
            f"EXISTS (SELECT {source.rows} AND {self._element(term, source.parts.__getitem__)})"
            for source in related.sources
        ]
        return "(" + " AND ".join([*having, "(" + " OR ".join(met) + ")"]) + ")"

    def _having(self, related: Related, term: Filter) -> str:
        assert isinstance(term, Comparison)
        assert isinstance(term.value, str)
        value = self._parameter(term.value)
        folded = self._parameter(fold_reference(term.value)) if "{folded}" in related.having else ""
        return related.having.format(value=value, folded=folded)

    def _element(self, term: Filter, parts: Parts) -> str:
        """Return a condition on one element of a list; inside, a target's attribute is the sub-attribute."""
        match term:
            case Comparison(operator="ne"):
                return f"({self._element(Comparison(term.target, 'eq', term.value), parts)}) IS NOT TRUE"
            case Comparison():
                self._require_searched(term.target)
                return _compare(term.operator, _part(term.target.attribute, parts), self._value(term.value))
            case Present():
                return f"{parts(term.target.attribute.name)} IS NOT NULL"
            case And():
                return "(" + " AND ".join([self._element(part, parts) for part in term.terms]) + ")"
            case Or():
                return "(" + " OR ".join([self._element(part, parts) for part in term.terms]) + ")"
            case Not():
                return f"({self._element(term.term, parts)}) IS NOT TRUE"
        raise TypeError(term)

    def _require_searched(self, target: Target) -> None:
        if target.path in self.searched.not_searched:
            raise ScimError(ErrorKind.INVALID_FILTER, f'attribute "{target.path}" cannot be searched: use the id')

    def _narrowing(self, comparison: Comparison) -> str:
        """Return a cheap condition, followed by AND, that holds wherever the comparison does.

        Most people are told apart without reading their search document as JSON.
        """
        operator, value = comparison.operator, comparison.value
        if operator == "eq" and comparison.target.path == EMAIL_VALUE:
            element = json_text([{"value": value}])
            return EMAIL.format(value=self._parameter(value), element=self._parameter(element)) + " AND "
        if operator in _NARROWED and isinstance(value, str):
            literal = json_text(value)
            part = literal[_NARROWED[operator]]
            return f"strpos(search, {self._parameter(part)}) > 0 AND " if part else ""
        return ""

    def _value(self, value: str | bool | float) -> str:
        """Pass a value that is compared with what ``->>`` gives, which is text."""
        if isinstance(value, bool):
            return self._parameter("true" if value else "false")
        return self._parameter(value)

    def _parameter(self, value: str | bool | float) -> str:
        if not isinstance(value, str | bool):
            raise TypeError(value)  # people have no numbers among their attributes
        self.parameters.append(value)
        kind = "boolean" if isinstance(value, bool) else "text"
        return f"${self.after + len(self.parameters)}::{kind}"


_NARROWED: Final[Mapping[str, slice]] = MappingProxyType(
    {"eq": slice(None), "co": slice(1, -1), "sw": slice(None, -1), "ew": slice(1, None)},
)
"""Which part of a JSON literal a text must contain if one of its values compares so with the literal."""

_COMPARISONS: Final[Mapping[str, Callable[[str, str], str]]] = MappingProxyType(
    {
        "eq": "{0} = {1}".format,
        "co": "strpos({0}, {1}) > 0".format,
        "sw": "starts_with({0}, {1})".format,
        "ew": "right({0}, length({1})) = {1}".format,
        "gt": "{0} > {1}".format,
        "ge": "{0} >= {1}".format,
        "lt": "{0} < {1}".format,
        "le": "{0} <= {1}".format,
    },
)


def _compare(operator: str, value: str, parameter: str) -> str:
    return _COMPARISONS[operator](value, parameter)


def _any_of(elements: str, condition: str) -> str:
    return f"EXISTS (SELECT FROM {elements} AS element WHERE {condition})"


def _elements(target: Target) -> str:
    return f"""jsonb_path_query(search::jsonb, '$."{target.attribute.name}"[*]')"""


def _scalar(target: Target) -> str:
    attribute = target.attribute
    holder = "search::jsonb"
    if attribute.extension:
        holder += f"->'{attribute.schema}'"
    if target.sub_attribute is None:
        return _text(holder, attribute.name)
    return _text(f"{holder}->'{attribute.name}'", target.sub_attribute.name)


def _text(holder: str, name: str) -> str:
    # "C" compares by code point, as Python does.
    return f"""({holder}->>'{name}') COLLATE "C\""""


_IN_JSON: Final[Parts] = partial(_text, "element")


def _part(attribute: Attribute, parts: Parts) -> str:
    """Return a sub-attribute as comparisons see it: with what is assumed where an element does not have it."""
    value = parts(attribute.name)
    return value if attribute.assumed is None else f"coalesce({value}, '{str(attribute.assumed).lower()}')"


def _conjuncts(term: Filter) -> tuple[Filter, ...]:
    return term.terms if isinstance(term, And) else (term,)


def _names_a_value(term: Filter) -> bool:
    return isinstance(term, Comparison) and term.operator == "eq" and term.target.leaf.name == "value"


def _is_selective(term: Filter, searched: Searched) -> bool:
    match term:
        case And():
            return any(_is_selective(part, searched) for part in term.terms)
        case Or():
            return all(_is_selective(part, searched) for part in term.terms)
        case Comparison(operator="eq") | ValueFilter():
            related = searched.related.get(term.target.attribute.name)
            if related is not None:
                conjuncts = _conjuncts(term.condition) if isinstance(term, ValueFilter) else (term,)
                return related.selective and any(map(_names_a_value, conjuncts))
            if isinstance(term, ValueFilter):
                return _is_selective(term.condition, searched)
            column = searched.columns.get(term.target.path)
            return term.target.path == EMAIL_VALUE or (column is not None and column.selective)
    return False
