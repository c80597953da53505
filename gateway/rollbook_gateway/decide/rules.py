"""The tenant's rules for a person's values: region, division and department; applied before every user fact."""

from typing import Final

from rollbook_contracts.folding import fold
from rollbook_contracts.settings import TenantSettings
from rollbook_contracts.urns import ILMS
from rollbook_gateway.scim.document import NOTHING_REMOVED, without_required
from rollbook_gateway.scim.errors import ErrorKind, ScimError, shown
from rollbook_gateway.scim.values import Document

_MOST_LISTED: Final = 100
"""Allowed values that an answer names."""


def with_rules(
    new: Document, old: Document | None, settings: TenantSettings, removed: frozenset[str] = NOTHING_REMOVED
) -> Document:
    """Return the document as the tenant's rules want it stored; raises ``invalidValue`` where they refuse it.

    A region that is required and among what was ``removed`` is refused with ``mutability``.

    Values are compared without case and surrounding blanks and stored in the preconfigured spelling. What a person has
    already is never refused, also where it is no longer allowed and however it is spelt. Nor is a deactivation: there a
    value that is not allowed, or none where one is required, leaves the old one standing.
    """
    document = _with_region(new, old, settings, removed)
    for urn, name, allowed in settings.allowed_values:
        document = _with_allowed(document, old, urn, name, allowed)
    return document


def with_kept_region(new: Document, old: Document, settings: TenantSettings) -> Document:
    """Return the document of a replacement; where it says nothing of a region, the person's own stays, or the default.

    Providers that replace whole people may have no region to send: that must not block them (case O02).
    """
    if _value(new, ILMS, "region") is not None:
        return new
    kept = _value(old, ILMS, "region") or settings.default_region
    return new if kept is None else _set(new, ILMS, "region", kept)


def _with_region(new: Document, old: Document | None, settings: TenantSettings, removed: frozenset[str]) -> Document:
    if _value(new, ILMS, "region") is not None:
        return new
    if settings.default_region is not None:
        # Who takes the region of a person away has said so; the default is for people who come without one.
        return new if old is not None else _set(new, ILMS, "region", settings.default_region)
    if old is not None and (_value(old, ILMS, "region") is None or _deactivates(new)):
        return _set(new, ILMS, "region", _value(old, ILMS, "region"))
    allowed = f" Allowed values: {_listed(settings.regions)}." if settings.regions else ""
    raise ScimError(
        without_required(f"{ILMS}:region", removed),
        f"region is required: map a value to {ILMS}:region in the identity provider. In Entra add an attribute mapping "
        "(constant, or direct) with this target attribute; in Okta an attribute with external name region and external "
        f"namespace {ILMS}, since one without namespace is not sent. Or set a default region for this "
        f"organization.{allowed}",
    )


def _with_allowed(document: Document, old: Document | None, urn: str, name: str, allowed: tuple[str, ...]) -> Document:
    value = _value(document, urn, name)
    before = _value(old, urn, name) if old is not None else None
    if value is None or value == before or not allowed:
        return document
    for spelling in allowed:
        if _same(spelling, value):
            return document if spelling == value else _set(document, urn, name, spelling)
    if old is not None and (_deactivates(document) or (before is not None and _same(before, value))):
        return _set(document, urn, name, before)
    raise ScimError(
        ErrorKind.INVALID_VALUE,
        f"{name} {shown(value)} is not allowed here. Allowed values: {_listed(allowed)}.",
    )


def _same(one: str, other: str) -> bool:
    return fold(one.strip()) == fold(other.strip())


def _listed(allowed: tuple[str, ...]) -> str:
    more = len(allowed) - _MOST_LISTED
    return ", ".join(allowed[:_MOST_LISTED]) + (f" and {more} more, which /Schemas lists" if more > 0 else "")


def _deactivates(document: Document) -> bool:
    return document.get("active") is False


def _value(document: Document, urn: str, name: str) -> str | None:
    value = (document.get(urn) or {}).get(name)
    return value if isinstance(value, str) and value.strip() else None


def _set(document: Document, urn: str, name: str, value: str | None) -> Document:
    extension = {**document.get(urn, {}), name: value}
    if value is None:
        del extension[name]
    rest = {key: part for key, part in document.items() if key != urn}
    return {**rest, urn: extension} if extension else rest
