"""The document as filters see it: the projector writes it to ``lms.users.search``, the gateway's filters query it.

It stands there as JSON text, so that most people can be told apart by searching the text, without reading it as JSON.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import msgspec

from rollbook_contracts.datetimes import instant
from rollbook_contracts.emails import matching_type
from rollbook_contracts.folding import fold
from rollbook_contracts.urns import ENTERPRISE, ILMS

Exact: TypeAlias = Mapping[str, Any]

IN_COLUMNS: Final = frozenset({"userName", "externalId", "active"})
"""Top-level attributes that have a column of their own, and enterprise ``employeeNumber``: left out of ``search``."""

CASE_EXACT: Final[Exact] = MappingProxyType(
    {
        "profileUrl": True,
        "photos": {"value": True},
        "x509Certificates": {"value": True},
        ENTERPRISE: {"manager": {"value": True, "$ref": True}},
    },
)
"""Attributes outside the columns whose text is compared as it stands; all other text is folded (RFC 7643, 2.2)."""

_NONE: Final[Exact] = MappingProxyType({})
_ENCODER: Final = msgspec.json.Encoder()


def search_text(document: Mapping[str, Any]) -> str:
    """Return what stands in column ``search`` for a document."""
    return json_text(search_document(document))


def json_text(value: Any) -> str:
    """Encode a value, or a part of one, as it stands in column ``search``."""
    return _ENCODER.encode(value).decode()


def search_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what filters on attributes without a column look at.

    Text without case is folded, dates are instants of one width, and e-mail types are those by which one matches.
    """
    found = {
        key: _folded(value, CASE_EXACT.get(key, _NONE)) for key, value in document.items() if key not in IN_COLUMNS
    }
    if emails := document.get("emails"):
        for seen, email in zip(found["emails"], emails, strict=True):
            if kind := matching_type(email, len(emails)):
                seen["type"] = kind
    if (ilms := found.get(ILMS)) and "hireDate" in ilms:
        ilms["hireDate"] = instant(document[ILMS]["hireDate"])
    if enterprise := found.get(ENTERPRISE):
        enterprise.pop("employeeNumber", None)
    return found


def _folded(value: Any, exact: Any) -> Any:
    if not exact:
        return _all_folded(value)
    if isinstance(value, str):
        return value if exact is True else fold(value)
    if isinstance(value, dict):
        return {key: _folded(item, _NONE if exact is True else exact.get(key, _NONE)) for key, item in value.items()}
    if isinstance(value, list):
        return [_folded(item, exact) for item in value]
    return value


def _all_folded(value: Any) -> Any:
    # Every fact of a replay comes here: what is spelled out for ASCII is what `fold` does for it, without the calls.
    if type(value) is str:
        return value.lower() if value.isascii() else fold(value)
    if type(value) is dict:
        return {
            key: item.lower() if type(item) is str and item.isascii() else _all_folded(item)
            for key, item in value.items()
        }
    if type(value) is list:
        return [_all_folded(item) for item in value]
    return value
