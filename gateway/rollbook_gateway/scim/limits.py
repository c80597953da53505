"""How long and how deep the values of a resource may be, so that what is accepted fits the log and the tables."""

from typing import Final

from rollbook_contracts.urns import ENTERPRISE, ILMS

KEY_LENGTH: Final = 512
"""Characters of a value that tables index: folded and in UTF-8 it stays below the 2,704 bytes of an index entry."""

KEY_BYTES: Final = 2048
"""Bytes of such a value once it is folded, since folding can make text longer."""

TEXT_LENGTH: Final = 65_536
"""Characters of any other value."""

FILTER_BYTES: Final = 1024
"""Bytes of a filter, decoded, in UTF-8."""

_KEYS: Final = frozenset(
    {
        "userName",
        "displayName",
        "externalId",
        "emails.value",
        "members.value",
        f"{ENTERPRISE}:employeeNumber",
        f"{ENTERPRISE}:manager.value",
        f"{ILMS}:manager.id",
        f"{ILMS}:manager.displayName",
        f"{ILMS}:manager.email",
    }
)


def longest(path: str) -> int:
    """Return how many characters the attribute at ``path`` may hold."""
    return KEY_LENGTH if path in _KEYS else TEXT_LENGTH
