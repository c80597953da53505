"""Which attributes are keys, and how long filters may be; how long a value may be stands in the contracts."""

from typing import Final

from rollbook_contracts.limits import KEY_CHARACTERS, TEXT_CHARACTERS
from rollbook_contracts.urns import ENTERPRISE, ILMS

FILTER_CHARACTERS: Final = 65_536
"""Characters of a filter, decoded: room for thirty of the longest keys, whichever way JSON escapes them."""

FILTER_SHAPE_CHARACTERS: Final = 3_072
"""Those outside of quotes: what is parsed. Thirty names of an extension's attribute, with their URNs, take 2,600."""

FILTER_MENDED_CHARACTERS: Final = 1_024
"""Up to here a shape is mended where it does not parse, and kept in memory where it does."""

PATH_CHARACTERS: Final = 2 * KEY_CHARACTERS + 256
"""Characters of a PATCH path: it may name one value by a key, each character of which is escaped."""

LINE_BYTES: Final = 32 * 1024
"""Bytes of a request's first line, and of a header: a filter of 10 KiB in which each byte is percent-encoded."""

PRINCIPAL_EMAIL: Final = "emails.value"
"""A key of one element only: of the others, which no index holds, the characters are counted alone."""

_KEYS: Final = frozenset(
    {
        "userName",
        "displayName",
        "externalId",
        "members.value",
        f"{ENTERPRISE}:employeeNumber",
        f"{ENTERPRISE}:manager.value",
        f"{ILMS}:manager.id",
        f"{ILMS}:manager.displayName",
        f"{ILMS}:manager.email",
    }
)


def is_key(path: str) -> bool:
    """Tell whether tables index what stands at ``path``, so that its bytes are limited too."""
    return path in _KEYS


def longest(path: str) -> int:
    """Return how many characters the attribute at ``path`` may hold."""
    return KEY_CHARACTERS if is_key(path) or path == PRINCIPAL_EMAIL else TEXT_CHARACTERS
