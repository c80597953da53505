"""A body on /Groups becomes a head and what is to happen to the members; pure, in the gateway or beside it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from rollbook_gateway.decide.membership import Membership, merge, replacement
from rollbook_gateway.scim.compiled import group_schema
from rollbook_gateway.scim.document import canonicalise
from rollbook_gateway.scim.json_body import parse
from rollbook_gateway.scim.members import member_values, take_members
from rollbook_gateway.scim.notes import Notes
from rollbook_gateway.scim.patch.members import split_patch
from rollbook_gateway.scim.patch.operations import Operation
from rollbook_gateway.scim.values import Document


@dataclass(frozen=True, slots=True)
class SentGroup:
    """A whole group: its head as it is stored, and its members, who replace all that there are."""

    document: Document
    membership: Membership


@dataclass(frozen=True, slots=True)
class SentPatch:
    """A PATCH: operations on the head, which need its state, and what happens to the members, which does not."""

    head: list[Operation]
    membership: Membership


Sent: TypeAlias = SentGroup | SentPatch


def read_group(body: bytes, notes: Notes) -> SentGroup:
    """Read the body of a POST or PUT; raise ``ScimError`` for what cannot be stored."""
    sent = parse(body)
    members = take_members(sent, notes)
    return SentGroup(canonicalise(sent, group_schema(), notes).document, replacement(member_values(members)))


def read_patch(body: bytes, notes: Notes) -> SentPatch:
    """Read the body of a PATCH; raise ``ScimError`` for an operation on members that means nothing."""
    split = split_patch(parse(body), notes)
    return SentPatch(split.head, merge(split.members))


READERS: Final[Mapping[str, Callable[[bytes, Notes], Sent]]] = {"group": read_group, "patch": read_patch}
