"""How providers say that an attribute has no value; asked for every value that is read."""

from collections.abc import Collection, Mapping
from typing import Any, Final

_EMPTIABLE: Final = frozenset({str, list, dict})
_LABELS: Final = frozenset({"type", "primary"})


def is_absent(value: Any) -> bool:
    """Tell whether a sent value means none: null and ``[]`` (RFC 7643, 2.5), but also ``""`` and ``{}``.

    Entra sends null for what is not mapped (C04) and ``""`` to clear (P16, P17, P25), so does Okta (C16).
    """
    return value is None or (not value and type(value) in _EMPTIABLE)


def is_hollow(element: Mapping[str, Any], emptied: Collection[str]) -> bool:
    """Tell whether an element of a list is none, by its parts and the names of those that were sent empty.

    ``{"value": "", "type": "work"}`` is no address; neither is one of which only type and primary are left.
    """
    return "value" in emptied or (not _LABELS.issuperset(emptied) and _LABELS.issuperset(element))
