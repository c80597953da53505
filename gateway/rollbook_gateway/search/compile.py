"""A filter becomes a condition in SQL on ``lms.users`` that holds for exactly the people for whom ``evaluate`` holds.

Values stand in parameters only: filters of one shape give one text, whose plan PostgreSQL keeps. What SQL leaves
unknown (NULL) counts as false: AND, OR and WHERE treat it so, and each negation is written ``IS NOT TRUE``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypeAlias

from rollbook_contracts.search_document import json_text
from rollbook_gateway.scim.compiled import Target
from rollbook_gateway.scim.errors import ErrorKind, ScimError
from rollbook_gateway.scim.filters import And, Comparison, Filter, Not, Or, Present, ValueFilter
from rollbook_gateway.search.columns import (
    ALWAYS_PRESENT,
    COLUMNS,
    EMAIL,
    EMAIL_VALUE,
    NOT_SEARCHED,
    SCHEMAS,
)

Parameter: TypeAlias = str | bool


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition whose parameters follow on those that its statement has of its own.

    ``selective`` says that an index leads to few people.
    """

    sql: str
    parameters: tuple[Parameter, ...]
    selective: bool


def compile_filter(condition: Filter, *, after: int) -> Condition:
    """Return the condition for a filter; its first parameter is the one behind ``$after``."""
    compiler = _Compiler(after)
    sql = compiler.condition(condition)
    return Condition(sql, tuple(compiler.parameters), _is_selective(condition))


@dataclass(slots=True)
class _Compiler:
    after: int
    parameters: list[Parameter] = field(default_factory=list)

    def condition(self, term: Filter) -> str:
        match term:
            case Comparison():
                return self._comparison(term)
            case Present():
                return _present(term.target)
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
        if path in NOT_SEARCHED:
            raise ScimError(ErrorKind.INVALID_FILTER, f'attribute "{path}" cannot be searched: use the id')
        if (column := COLUMNS.get(path)) is not None:
            return _compare(comparison.operator, column.sql, self._parameter(comparison.value))
        if path == "schemas":
            return _any_of(SCHEMAS, _compare(comparison.operator, "element", self._parameter(comparison.value)))
        narrowing = self._narrowing(comparison)
        if target.attribute.multi_valued:
            assert target.sub_attribute is not None  # all lists but schemas hold objects
            value = _text("element", target.sub_attribute.name)
            tested = _compare(comparison.operator, value, self._value(comparison.value))
            return f"({narrowing}{_any_of(_elements(target), tested)})"
        return f"({narrowing}{_compare(comparison.operator, _scalar(target), self._value(comparison.value))})"

    def _value_filter(self, term: ValueFilter) -> str:
        narrowing = "".join(
            self._narrowing(part) for part in _conjuncts(term.condition) if isinstance(part, Comparison)
        )
        return f"({narrowing}{_any_of(_elements(term.target), self._element(term.condition))})"

    def _element(self, term: Filter) -> str:
        """Return a condition on one element of a list; inside, a target's attribute is the sub-attribute."""
        match term:
            case Comparison(operator="ne"):
                return f"({self._element(Comparison(term.target, 'eq', term.value))}) IS NOT TRUE"
            case Comparison():
                value = _text("element", term.target.attribute.name)
                return _compare(term.operator, value, self._value(term.value))
            case Present():
                return f"{_text('element', term.target.attribute.name)} IS NOT NULL"
            case And():
                return "(" + " AND ".join([self._element(part) for part in term.terms]) + ")"
            case Or():
                return "(" + " OR ".join([self._element(part) for part in term.terms]) + ")"
            case Not():
                return f"({self._element(term.term)}) IS NOT TRUE"
        raise TypeError(term)

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


def _present(target: Target) -> str:
    path = target.path
    if path in ALWAYS_PRESENT:
        return "true"
    if (column := COLUMNS.get(path)) is not None:
        return f"{column.sql} IS NOT NULL"
    if target.attribute.multi_valued:
        if target.sub_attribute is None:
            return _any_of(_elements(target), "true")
        return _any_of(_elements(target), f"{_text('element', target.sub_attribute.name)} IS NOT NULL")
    return f"{_scalar(target)} IS NOT NULL"


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


def _conjuncts(term: Filter) -> tuple[Filter, ...]:
    return term.terms if isinstance(term, And) else (term,)


def _is_selective(term: Filter) -> bool:
    match term:
        case Comparison(operator="eq"):
            column = COLUMNS.get(term.target.path)
            return term.target.path == EMAIL_VALUE or (column is not None and column.selective)
        case And():
            return any(_is_selective(part) for part in term.terms)
        case Or():
            return all(_is_selective(part) for part in term.terms)
        case ValueFilter():
            return _is_selective(term.condition)
    return False
