"""Which attributes are keys, and how long filters may be; how long a value may be stands in the contracts."""

from typing import Final

from rollbook_contracts.limits import KEY_CHARACTERS, TEXT_CHARACTERS
from rollbook_contracts.urns import ENTERPRISE, ILMS

FILTER_BYTES: Final = 1024
"""Bytes of a filter, decoded, in UTF-8."""

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
