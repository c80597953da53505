"""The members of one group as PostgreSQL writes them: an answer holds them as they are, however many there are."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

_REFERENCE: Final = b'"$ref":"'
"""Stands in the text only where a member's reference begins: inside a text's value each quote has a backslash."""


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A member as found: a linked one by the person's id, with the person's name; one that waits as it was sent."""

    value: str
    linked: bool
    display: str | None


class _Element(msgspec.Struct, frozen=True):
    value: str
    reference: str | None = msgspec.field(name="$ref", default=None)
    display: str | None = None


_ELEMENTS: Final = msgspec.json.Decoder(list[_Element])


@dataclass(frozen=True, slots=True)
class Members:
    """Linked members in the order of the people's ids, then those that wait in the order of what was sent.

    Each of the ``parts`` is JSON: members as they are answered, with commas between them, but that ``$ref`` is the
    person's id alone.
    """

    parts: tuple[bytes, ...] = ()

    def rendered(self, users_url: str) -> Iterator[bytes]:
        """Give the members as they are answered, part by part; people are known below ``users_url``."""
        reference = _REFERENCE + msgspec.json.encode(f"{users_url}/")[1:-1]
        for part in self.parts:
            yield part.replace(_REFERENCE, reference)

    def __iter__(self) -> Iterator[MemberRow]:
        for part in self.parts:
            for element in _ELEMENTS.decode(b"[" + part + b"]"):
                yield MemberRow(element.value, element.reference is not None, element.display)


NONE: Final = Members()
