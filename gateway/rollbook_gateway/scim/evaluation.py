"""Filters on documents in memory: what a PATCH path selects, and the meaning that the SQL of searches is held to."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from operator import ge, gt, le, lt
from types import MappingProxyType
from typing import Final, TypeAlias

from rollbook_contracts.datetimes import instant
from rollbook_gateway.scim.compiled import Attribute, Target
from rollbook_gateway.scim.filters import And, Comparison, Filter, Not, Or, Present, ValueFilter
from rollbook_gateway.scim.matching import matching_elements, matching_view
from rollbook_gateway.scim.values import Document, Json

Read: TypeAlias = Callable[[Target, Json], list[Json]]
"""How the values of an attribute are found in whatever a filter is applied to.

The second argument stands in for a part that an element does not have; ``None`` for nothing.
"""


Also: TypeAlias = Mapping[str, Json]
"""Further values that comparisons find, by the attribute's path: a manager's, the id of the person whom it names."""

_NOTHING: Final[Also] = MappingProxyType({})


def evaluate(condition: Filter, resource: Document, also: Also = _NOTHING) -> bool:
    """Tell whether a resource, with its id, schemas and meta, meets a filter."""
    view = matching_view(resource)
    return _holds(condition, partial(_in_resource, view), also)


def evaluate_without(unknown: Collection[str], condition: Filter, resource: Document) -> bool | None:
    """Tell the same of a resource of which some attributes are ``unknown``; ``None`` where the answer hangs on them."""
    match condition:
        case And():
            verdicts = [evaluate_without(unknown, term, resource) for term in condition.terms]
            return False if False in verdicts else None if None in verdicts else True
        case Or():
            verdicts = [evaluate_without(unknown, term, resource) for term in condition.terms]
            return True if True in verdicts else None if None in verdicts else False
        case Not():
            verdict = evaluate_without(unknown, condition.term, resource)
            return None if verdict is None else not verdict
    target = condition.target
    hangs = target.attribute.name in unknown or target.path in unknown
    return None if hangs else evaluate(condition, resource)


def selected(condition: Filter, attribute: Attribute, elements: list[Document]) -> list[bool]:
    """Tell of each element of a multi-valued attribute whether it meets the condition in brackets behind it."""
    return [_holds(condition, partial(_in_element, seen)) for seen in matching_elements(attribute.name, elements)]


def _holds(condition: Filter, read: Read, also: Also = _NOTHING) -> bool:
    match condition:
        case Comparison():
            return _compares(condition, read, also)
        case Present():
            return bool(read(condition.target, None))
        case And():
            return all(_holds(term, read, also) for term in condition.terms)
        case Or():
            return any(_holds(term, read, also) for term in condition.terms)
        case Not():
            return not _holds(condition.term, read, also)
        case ValueFilter():
            attribute = condition.target.attribute
            return any(selected(condition.condition, attribute, read(Target(attribute), None)))


def _compares(comparison: Comparison, read: Read, also: Also) -> bool:
    leaf = comparison.target.leaf
    values = read(comparison.target, leaf.assumed)
    if leaf.path in also:
        values = [*values, also[leaf.path]]
    if comparison.operator == "ne":
        return not any(compared(leaf, value) == comparison.value for value in values)
    compare = _COMPARE[comparison.operator]
    return any((key := compared(leaf, value)) is not None and compare(key, comparison.value) for value in values)


def compared(attribute: Attribute, value: Json) -> Json:
    """Return a stored value as it is compared: dates as instants, text without case folded."""
    if not isinstance(value, str):
        return value
    if attribute.type == "dateTime":
        return instant(value)
    return attribute.folded(value)


def _in_resource(resource: Document, target: Target, assumed: Json) -> list[Json]:
    attribute = target.attribute
    holder = resource.get(attribute.schema, {}) if attribute.extension else resource
    value = holder.get(attribute.name)
    if value is None:
        return []
    parts = value if isinstance(value, list) else [value]
    if target.sub_attribute is None:
        return parts
    name = target.sub_attribute.name
    return [found for part in parts if (found := part.get(name, assumed)) is not None]


def _in_element(element: Document, target: Target, assumed: Json) -> list[Json]:
    found = element.get(target.attribute.name, assumed)
    return [] if found is None else [found]


_COMPARE: Final[Mapping[str, Callable[[Json, Json], bool]]] = {
    "eq": lambda value, wanted: value == wanted,
    "co": lambda value, wanted: wanted in value,
    "sw": lambda value, wanted: value.startswith(wanted),
    "ew": lambda value, wanted: value.endswith(wanted),
    "gt": gt,
    "ge": ge,
    "lt": lt,
    "le": le,
}
