"""The tags of people: ``17`` counts what is stored, ``17.5d1f…`` the groups that are shown, too; for the requests."""

import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from rollbook_gateway.search.rows import Membership

_SHOWN: Final = re.compile(r'"(\d+)\.[0-9a-f]{16}"')


def version(sequence: int, groups: Sequence[Membership]) -> int | str:
    """Return a person's version, by the last fact and the groups that are shown, in their order."""
    if not groups:
        return sequence
    return f"{sequence}.{blake2b(msgspec.json.encode(groups), digest_size=8).hexdigest()}"


def stored(condition: str | None) -> str | None:
    """Return a condition as it counts for a write: by what is stored, since no write of a person touches groups."""
    return None if condition is None else _SHOWN.sub(r'"\1"', condition)
