"""Where the attributes of a resource type stand in SQL: in columns, in the search document, in tables of their own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Column:
    """An attribute as SQL reads it, in the form in which filters compare it.

    ``selective`` columns have an index, and few resources share a value.
    """

    sql: str
    selective: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Elements of a list attribute: ``rows`` begins with FROM and ends in a condition that belongs to the resource.

    ``parts`` says how each sub-attribute is read, in the form in which filters compare it.
    """

    rows: str
    parts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Related:
    """A list attribute whose elements stand in tables of their own.

    ``having`` holds for the resources that have an element of the value ``{value}``, ``{folded}`` being the same value
    folded; it begins with an index. ``selective`` says that it leads to few of them.
    """

    sources: tuple[Source, ...]
    having: str
    selective: bool = False


@dataclass(frozen=True, slots=True)
class Searched:
    """A resource type as SQL reads it; the statement's ``$1`` is the tenant. Attributes go by their schema's paths."""

    columns: Mapping[str, Column]
    schemas: str
    """A set of the resource's ``schemas``, which are computed from what is there."""

    related: Mapping[str, Related]
    also: Mapping[str, str] = field(default_factory=dict)
    """Columns with another value by which an attribute of the search document is known."""

    not_searched: frozenset[str] = frozenset({"meta.location"})
    """Attributes whose value depends on the address under which the tenant is called."""


ALWAYS_PRESENT: Final = frozenset({"schemas", "meta", "meta.location"})
"""Attributes that every resource has and no column holds."""
