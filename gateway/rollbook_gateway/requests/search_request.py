"""The query of a list, from the parameters of a GET or the body of a POST to /.search (RFC 7644, 3.4.2 and 3.4.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from rollbook_gateway.requests.caller import Caller
from rollbook_gateway.scim.compiled import ResourceSchema
from rollbook_gateway.scim.errors import ErrorKind, ScimError, shown
from rollbook_gateway.scim.filters import And, Comparison, Filter, ValueFilter, parse_filter
from rollbook_gateway.scim.notes import Notes, note
from rollbook_gateway.scim.values import Document

_Value = TypeVar("_Value")
_NAMES: Final = {name.lower(): name for name in ("filter", "startIndex", "count", "attributes", "excludedAttributes")}
_IGNORED_PARAMETERS: Final = frozenset({"sortby", "sortorder", "aadoptscim"})
"""Sorting is not supported, as ServiceProviderConfig says; Entra's flag stands here as letters alone."""
_IGNORED_IN_MESSAGE: Final = frozenset({"schemas", "sortby", "sortorder"})
_LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class Query:
    """What a list was asked for, as text; ``None`` where nothing was said."""

    filter: str | None = None
    start_index: str | None = None
    count: str | None = None
    attributes: str | None = None
    excluded_attributes: str | None = None


def from_parameters(sent: Mapping[str, str], notes: Notes) -> Query:
    """Read the query parameters; ``notes`` are told of those that are ignored."""
    parameters = _by_name(sent, _IGNORED_PARAMETERS, "parameter", notes)
    return Query(
        filter=parameters.get("filter"),
        start_index=parameters.get("startIndex"),
        count=parameters.get("count"),
        attributes=parameters.get("attributes"),
        excluded_attributes=parameters.get("excludedAttributes"),
    )


def from_search_request(sent: Document, notes: Notes) -> Query:
    """Read a SearchRequest message; raises ``invalidValue`` for a part of another type; notes as above."""
    message = _by_name(sent, _IGNORED_IN_MESSAGE, "attribute", notes)
    return Query(
        filter=_text(message, "filter"),
        start_index=_number(message, "startIndex"),
        count=_number(message, "count"),
        attributes=_names(message, "attributes"),
        excluded_attributes=_names(message, "excludedAttributes"),
    )


def _by_name(sent: Mapping[str, _Value], ignored: frozenset[str], kind: str, notes: Notes) -> dict[str, _Value]:
    """Return what was sent under the names of RFC 7644, in any case and with other signs between the letters.

    Who looks for somebody by ``Filter`` or ``$filter`` must not be shown everybody. The right name wins.
    """
    found: dict[str, _Value] = {}
    for name, value in sorted(sent.items(), key=lambda item: item[0] in _NAMES.values(), reverse=True):
        letters = "".join(filter(str.isalpha, name[:_LONGEST_NAME])).lower()
        meant = _NAMES.get(letters)
        if meant is None:
            if letters not in ignored:
                note(notes, f"unknown {kind} {shown(name)} was ignored")
            continue
        if letters != name.lower():
            note(notes, f'{kind} {shown(name)} was read as "{meant}"')
        found.setdefault(meant, value)
    return found


def read_filter(caller: Caller, text: str | None, schema: ResourceSchema) -> Filter | None:
    """Read the filter of a list; the provisioning log is told what is looked for."""
    if text is None:
        return None
    condition = parse_filter(text, schema, caller.draft.notes)
    caller.draft.resource_name = looked_for(condition)
    return condition


def looked_for(condition: Filter) -> str:
    """Return the text that something is to be equal to, the first of several; empty where there is none."""
    match condition:
        case Comparison(operator="eq", value=str(value)):
            return value
        case ValueFilter(condition=inner):
            return looked_for(inner)
        case And(terms=terms):
            return next(filter(None, map(looked_for, terms)), "")
    return ""


def _text(message: Document, name: str) -> str | None:
    value = message.get(name)
    if value is None or isinstance(value, str):
        return value
    raise _unfit(name, value, "a string")


def _number(message: Document, name: str) -> str | None:
    value = message.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return None if value is None else str(value)
    raise _unfit(name, value, "a whole number")


def _names(message: Document, name: str) -> str | None:
    value = message.get(name)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value) or None
    raise _unfit(name, value, "an array of attribute names")


def _unfit(name: str, value: object, wanted: str) -> ScimError:
    return ScimError(ErrorKind.INVALID_VALUE, f"{name} is {shown(value)}; it must be {wanted}.")
