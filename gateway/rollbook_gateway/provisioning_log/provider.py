"""Which identity provider sent a request: by its User-Agent, else by its shape, else as its token was used before."""

import re
from collections import OrderedDict
from typing import Final

from rollbook_contracts.requests.entry import Provider
from rollbook_gateway.scim.values import Document

REMEMBERED: Final = 10_000
"""Tokens whose provider is remembered."""

_AGENTS: Final[tuple[tuple[str, Provider], ...]] = (
    ("okta", "okta"),
    ("azure", "entra"),
    ("entra", "entra"),
    ("microsoft", "entra"),
)
_ENTRA_FLAG: Final = re.compile(r"[?&/](?:aadoptscim|azureadscimpatch)\d+", re.IGNORECASE)
_ENTRA_OPERATIONS: Final = frozenset({"Add", "Replace", "Remove"})
_ENTRA_SCHEMA: Final = "http://schemas.microsoft.com/"
_OKTA_ID: Final = re.compile(r"00[ug][0-9A-Za-z]{17}")


class Providers:
    """Remembers whom each token served last: a request without a sign of its own is taken for one more of theirs."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Provider] = OrderedDict()

    def of(self, key_id: str, *, agent: str | None, target: str, message: Document | None) -> Provider:
        """Return the provider of a request that came with this token."""
        found = recognised(agent, target, message)
        if found is None:
            return self._known.get(key_id, "other")
        if self._known.get(key_id) != found:
            self._known[key_id] = found
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return found


def recognised(agent: str | None, target: str, message: Document | None) -> Provider | None:
    """Return the provider that a request shows itself to be from, ``None`` where it does not show it.

    ``target`` is the address as it was sent, flags included. Entra may leave the User-Agent out (A04), nobody else is
    known to.
    """
    name = (agent or "").lower()
    for part, provider in _AGENTS:
        if part in name:
            return provider
    if _ENTRA_FLAG.search(target):
        return "entra"
    shape = of_shape(message) if message is not None else None
    return shape or (None if agent else "entra")


def of_shape(message: Document) -> Provider | None:
    """Return the provider that sends bodies of this form, ``None`` where several do."""
    operations = message.get("Operations")
    if isinstance(operations, list):
        verbs = (operation.get("op") for operation in operations if isinstance(operation, dict))
        return "entra" if any(isinstance(verb, str) and verb in _ENTRA_OPERATIONS for verb in verbs) else None
    external_id = message.get("externalId")
    if isinstance(external_id, str) and _OKTA_ID.fullmatch(external_id):
        return "okta"
    schemas = message.get("schemas")
    if isinstance(schemas, list) and any(isinstance(urn, str) and urn.startswith(_ENTRA_SCHEMA) for urn in schemas):
        return "entra"
    meta = message.get("meta")
    return "entra" if isinstance(meta, dict) and meta.keys() == {"resourceType"} else None
