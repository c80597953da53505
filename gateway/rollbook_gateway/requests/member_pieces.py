"""Members of a group as pieces of JSON, made in turns so that others have theirs between; for the group requests."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

import msgspec

from rollbook_gateway.scim.group_rendering import Member, members, shows_whole_members
from rollbook_gateway.scim.rendering import Projection
from rollbook_gateway.search.members import Members

MEMBERS_AT_ONCE: Final = 1_000
"""Members encoded before others have a turn: 1 to 2 ms."""


async def member_pieces(found: Members, base_url: str, shown: Projection) -> Sequence[bytes]:
    """Return the members that a search found in JSON, with commas between them."""
    if not shows_whole_members(shown):
        return await pieces_of(_some(found), base_url, shown)
    pieces = []
    for piece in found.rendered(f"{base_url}/Users"):
        pieces.append(piece)
        await asyncio.sleep(0)
    return pieces


async def pieces_of(found: Iterable[Sequence[Member]], base_url: str, shown: Projection) -> Sequence[bytes]:
    """Return members in JSON, with commas between them, a piece for each part of ``found``."""
    pieces = []
    for some in found:
        pieces.append(msgspec.json.encode(members(some, base_url, shown))[1:-1])
        await asyncio.sleep(0)
    return pieces


def _some(found: Iterable[Member]) -> Iterator[Sequence[Member]]:
    following = iter(found)
    while some := list(islice(following, MEMBERS_AT_ONCE)):
        yield some
