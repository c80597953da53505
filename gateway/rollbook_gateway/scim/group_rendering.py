"""A group with its members as it is answered, in parts: a hundred thousand members are not encoded in one go."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from rollbook_contracts.identifiers import kind_of
from rollbook_gateway.scim.rendering import Projection
from rollbook_gateway.scim.values import Document

MEMBERS = "members"


class Member(Protocol):
    """A member to be shown; ``linked`` where the value is the id of a user, whose name ``display`` is."""

    @property
    def value(self) -> str: ...

    @property
    def linked(self) -> bool: ...

    @property
    def display(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class MemberAsSent:
    """A member as a request named it: whether the value links is for the projector to find out."""

    value: str

    @property
    def linked(self) -> bool:
        return kind_of(self.value) == "usr"

    @property
    def display(self) -> None:
        return None


def shows_whole_members(shown: Projection) -> bool:
    """Tell whether an answer holds the members with all of their parts."""
    return all(tree is None or tree.get(MEMBERS) is None for tree in (shown.only, shown.without))


def members(found: Iterable[Member], base: str, shown: Projection) -> list[Document]:
    """Return members as they are answered; ``base`` is the address of the tenant's resources."""
    rendered = [_member(member, base) for member in found]
    only = shown.only[MEMBERS] if shown.only is not None and MEMBERS in shown.only else None
    without = shown.without[MEMBERS] if shown.without is not None and MEMBERS in shown.without else None
    if only is not None:
        return [{name: part for name, part in member.items() if name in only} for member in rendered]
    if without is not None:
        return [{name: part for name, part in member.items() if name not in without} for member in rendered]
    return rendered


def in_parts(resource: Document, pieces: Sequence[bytes]) -> list[bytes]:
    """Return the JSON of a group in parts; ``pieces`` are members with commas between them, none of them empty.

    Nothing of the pieces is copied: they may be many megabytes.
    """
    whole = msgspec.json.encode(resource)
    if not pieces:
        return [whole]
    parts = [whole[:-1], b',"members":[', pieces[0]]
    for piece in pieces[1:]:
        parts += (b",", piece)
    return [*parts, b"]}"]


def _member(member: Member, base: str) -> Document:
    rendered: Document = {"value": member.value}
    if member.linked:
        rendered["$ref"] = f"{base}/Users/{member.value}"
    rendered["type"] = "User"
    if member.display is not None:
        rendered["display"] = member.display
    return rendered
