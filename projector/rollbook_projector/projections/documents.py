"""Which attributes of two documents differ, as changes name them; for changes that tell more than their own fact."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

_DOCUMENT: Final = msgspec.json.Decoder(dict[str, Any])
_EXTENSION: Final = "urn:"


def differing_attributes(before: str | bytes, after: str | bytes) -> tuple[str, ...]:
    """Return the top-level attributes that differ, sorted; those of an extension as ``URN:name``."""
    return tuple(sorted(_differing(_DOCUMENT.decode(before), _DOCUMENT.decode(after))))


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if name.startswith(_EXTENSION):
            found += [f"{name}:{inner}" for inner in _differing(old or {}, new or {})]
        else:
            found.append(name)
    return found
