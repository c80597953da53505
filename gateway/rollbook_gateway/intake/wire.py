"""What passes between a gateway and its reading process: a body one way, what was read of it the other, in frames.

A frame is its length in four bytes and the bytes. An answer is a frame that says how many pieces of members follow,
then a frame for each piece: small enough that taking it in holds nobody up.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from rollbook_gateway.decide.membership import Delta, Membership, Values
from rollbook_gateway.intake.reading import Sent, SentGroup, SentPatch
from rollbook_gateway.scim.errors import ErrorKind, ScimError
from rollbook_gateway.scim.notes import Notes
from rollbook_gateway.scim.patch.operations import Operation

LENGTH: Final = 4


class Header(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was read, without the members; ``replaced`` and ``deltas`` say how many pieces belong to each step."""

    refusal: tuple[str, str] | None = None
    document: dict[str, Any] | None = None
    head: list[tuple[str, str | None, Any]] = []
    replaced: int | None = None
    deltas: list[tuple[str, int]] = []
    notes: list[str] = []

    @property
    def pieces(self) -> int:
        return (self.replaced or 0) + sum(count for _, count in self.deltas)


HEADERS: Final = msgspec.json.Decoder(Header)
PIECES: Final = msgspec.json.Decoder(tuple[str, ...])


def frame(payload: bytes) -> bytes:
    """Return a frame."""
    return len(payload).to_bytes(LENGTH) + payload


def refused(error: ScimError, notes: Notes) -> bytes:
    """Return the answer that a body is refused."""
    return frame(msgspec.json.encode(Header(refusal=(error.kind.value, error.detail), notes=notes)))


def answered(sent: Sent, notes: Notes) -> Iterator[bytes]:
    """Yield the frames of an answer."""
    membership = sent.membership
    yield frame(
        msgspec.json.encode(
            Header(
                document=sent.document if isinstance(sent, SentGroup) else None,
                head=[(each.verb, each.path, each.value) for each in sent.head] if isinstance(sent, SentPatch) else [],
                replaced=len(membership.replaced) if membership.replaced is not None else None,
                deltas=[(delta.kind, len(delta.pieces)) for delta in membership.deltas],
                notes=notes,
            )
        )
    )
    for piece in (*(membership.replaced or ()), *(piece for delta in membership.deltas for piece in delta.pieces)):
        yield frame(msgspec.json.encode(piece))


def read_answer(header: Header, pieces: list[Values]) -> Sent:
    """Put an answer together again; raises the ``ScimError`` that the other process found."""
    if header.refusal is not None:
        raise ScimError(ErrorKind(header.refusal[0]), header.refusal[1])
    following = iter(pieces)

    def take(count: int) -> tuple[Values, ...]:
        return tuple(next(following) for _ in range(count))

    membership = Membership(
        take(header.replaced) if header.replaced is not None else None,
        tuple(Delta(kind, take(count)) for kind, count in header.deltas),  # type: ignore[arg-type]  # as it was sent
    )
    if header.document is not None:
        return SentGroup(header.document, membership)
    return SentPatch([Operation(verb, path, value) for verb, path, value in header.head], membership)  # type: ignore[arg-type]  # as it was sent
