"""How providers say that an attribute has no value; asked for every value that is read."""

from typing import Any, Final

_EMPTIABLE: Final = frozenset({str, list, dict})


def is_absent(value: Any) -> bool:
    """Tell whether a sent value means none: null and ``[]`` (RFC 7643, 2.5), but also ``""`` and ``{}``.

    Entra sends null for what is not mapped (C04) and ``""`` to clear (P16, P17, P25), so does Okta (C16).
    """
    return value is None or (not value and type(value) in _EMPTIABLE)
