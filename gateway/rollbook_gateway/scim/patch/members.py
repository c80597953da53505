"""A PATCH of a group taken apart: what it does to the members, and the operations on all other attributes.

Members are never loaded for a PATCH, so that its cost is that of the change: an operation on them becomes values to
add, to remove or to put in the place of all.
"""

import json
import re
from dataclasses import dataclass
from typing import Final

from scim2_models import path as grammar

from rollbook_contracts.urns import GROUP
from rollbook_gateway.scim.compiled import Target, group_schema
from rollbook_gateway.scim.errors import ErrorKind, ScimError, shown
from rollbook_gateway.scim.filters import Reader, condition_reader
from rollbook_gateway.scim.members import former_values, is_members, member_value, member_values
from rollbook_gateway.scim.notes import Notes
from rollbook_gateway.scim.patch.operations import Operation, Verb, read_operations
from rollbook_gateway.scim.patch.paths import parse_grammar
from rollbook_gateway.scim.values import Document

MAX_OPERATIONS: Final = 5_000

_URN: Final = re.escape(f"{GROUP}:")
_ONE_MEMBER: Final = re.compile(rf'(?:{_URN})?members\[\s*value\s+eq\s+("(?:[^"\\]|\\.)*")\s*\]', re.IGNORECASE)
"""How nearly every path into the members is written: thousands may come in one request, too many for a parser."""

_PART_OF_MEMBERS: Final = re.compile(rf"(?:{_URN})?members\s*[\[.]", re.IGNORECASE)

_IGNORED: Final = frozenset({"id", "schemas", "meta"})
"""What providers echo in an operation without a path (G15)."""


@dataclass(frozen=True, slots=True)
class MemberOperation:
    """Values to ``add``, to ``remove``, or to ``replace`` all members by."""

    verb: Verb
    values: list[str]


@dataclass(frozen=True, slots=True)
class SplitPatch:
    """Both halves of a PATCH, each in its order; they do not depend on each other."""

    head: list[Operation]
    members: list[MemberOperation]


def split_patch(message: Document, notes: Notes | None = None) -> SplitPatch:
    """Take a PATCH message apart; raise ``ScimError`` for an operation on members that means nothing.

    ``notes`` get a sentence for what was read otherwise than it was sent.
    """
    split = SplitPatch([], [])
    for operation in read_operations(message, MAX_OPERATIONS, notes):
        if operation.path is None:
            _split_named(operation, split)
        elif is_members(operation.path):
            split.members.append(_on_members(operation))
        elif one := _ONE_MEMBER.fullmatch(operation.path):
            split.members.append(_on_chosen(operation, [_text(one[1], operation.path)]))
        elif _PART_OF_MEMBERS.match(operation.path):
            split.members.append(_on_chosen(operation, _chosen(operation.path, [] if notes is None else notes)))
        else:
            split.head.append(operation)
    return split


def _split_named(operation: Operation, split: SplitPatch) -> None:
    """Divide the attributes in the value of an operation without a path."""
    if not isinstance(operation.value, dict):
        split.head.append(operation)  # it is refused there
        return
    rest = {}
    for name, value in operation.value.items():
        if is_members(name):
            split.members.append(_on_members(Operation(operation.verb, name, value)))
        elif name.lower() not in _IGNORED:
            rest[name] = value
    if rest:
        split.head.append(Operation(operation.verb, None, rest))


def _on_members(operation: Operation) -> MemberOperation:
    match operation.verb:
        case "remove" if operation.value is None:  # without a value all go; an empty list removes nobody (G08)
            return MemberOperation("replace", [])
        case "remove":
            return MemberOperation("remove", former_values(operation.value))
    return MemberOperation(operation.verb, member_values(operation.value))


def _on_chosen(operation: Operation, values: list[str]) -> MemberOperation:
    if operation.verb != "remove":
        raise ScimError(
            ErrorKind.MUTABILITY,
            f"the {operation.verb} operation on {shown(operation.path)} would change a member in place: remove the "
            'member and add the other one, with the path "members"',
        )
    return MemberOperation("remove", values)


def _chosen(path: str, notes: Notes) -> list[str]:
    """Return the values of ``members[value eq "a" or value eq "b"]``; refuse any other condition."""
    parsed, literals = parse_grammar(path)
    condition = parsed.value_filter
    if condition is None or len(parsed.parts) > 1:
        raise ScimError(
            ErrorKind.INVALID_PATH,
            f'the path {shown(path)} names a part of members: send "members" with a list of values, or '
            'members[value eq "…"] to remove one',
        )
    members = group_schema().resolve("members")
    assert isinstance(members, Target)
    return _values(condition, condition_reader(members.attribute, path, literals, notes))


def _values(condition: grammar.FilterNode, reader: Reader) -> list[str]:
    match condition:
        case grammar.LogicalExpr(op=grammar.LogicalOperator.or_):
            return [value for term in condition.terms for value in _values(term, reader)]
        case grammar.Comparison(op=grammar.CompareOperator.eq) if condition.attr_path.attr.lower() == "value":
            return [member_value(reader.literal(condition.value, of_text=True))]
    raise ScimError(
        ErrorKind.INVALID_FILTER,
        f'the path {shown(reader.text)} chooses members by something else than their value: use members[value eq "…"], '
        "several of them joined by or",
    )


def _text(literal: str, path: str) -> str:
    """Return the text of a quoted literal."""
    try:
        return member_value(literal[1:-1] if "\\" not in literal else json.loads(literal))
    except ValueError:
        raise ScimError(ErrorKind.INVALID_PATH, f"the value in the path {shown(path)} is no text of JSON") from None
