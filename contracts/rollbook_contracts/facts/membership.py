"""Facts of a group's members, as they were sent; a fact holds a thousand at most and may name those who are members."""

from typing import Final

import msgspec

MOST_MEMBERS: Final = 1_000
"""Member values in one fact."""


class MembersAdded(msgspec.Struct, frozen=True):
    """Members were added; ``values`` are as sent, each an id or any other value that names a person."""

    id: str
    values: tuple[str, ...]


class MembersRemoved(msgspec.Struct, frozen=True):
    """Members were removed: each reference that equals a value, and each that links to the person whom it names."""

    id: str
    values: tuple[str, ...]


class MembersReplaced(msgspec.Struct, frozen=True, omit_defaults=True):
    """All members were replaced, by ``values`` or by those of a staging; what stands before it no longer counts."""

    id: str
    values: tuple[str, ...] = ()
    staging: str | None = None


class MembersClosed(msgspec.Struct, frozen=True):
    """The group is gone: the last fact on its members' subject, and whatever may follow has no effect."""

    id: str


class StagingChunk(msgspec.Struct, frozen=True):
    """A part of a replacement on its way; ``index`` counts from 0."""

    id: str
    staging: str
    index: int
    values: tuple[str, ...]


class StagingCommitted(msgspec.Struct, frozen=True):
    """The last fact of a staging: its chunks are complete, and ``members.replaced`` follows in the same batch."""

    id: str
    staging: str
    chunks: int


class StagingAbandoned(msgspec.Struct, frozen=True):
    """The last fact of a staging whose request ended half-way: its chunks never count."""

    id: str
    staging: str
