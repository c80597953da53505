"""Scopes: what a token may do; issued with it, asked for every request whose token may not do everything; pure."""

from functools import lru_cache
from typing import Final, Literal, TypeAlias

Scope: TypeAlias = Literal["users", "groups", "read"]

SCOPES: Final[tuple[Scope, ...]] = ("users", "groups", "read")
"""``users`` and ``groups``: read and write them; ``read``: read both and write neither."""
EVERYTHING: Final = frozenset[Scope]({"users", "groups"})
"""What a token may do for which nothing else was said."""

_READING: Final = frozenset({"GET", "HEAD"})
_RESOURCES: Final[dict[str, Scope]] = {"Users": "users", "Groups": "groups"}
_FREE: Final = frozenset({"ServiceProviderConfig", "ResourceTypes", "Schemas"})


@lru_cache(maxsize=1024)
def scopes_for(method: str, address: str) -> frozenset[Scope] | None:
    """Return the scopes of which one is enough for a method at a route such as ``/scim/{tenant}/v2/Users/{id}``.

    A token of ``users`` and ``groups`` both is never asked. ``None`` where any token may ask. An address that is not
    known here wants both, which is what an empty set says.
    """
    resource, *rest = address.split("/")[4:] or [""]
    if resource in _FREE:
        return None
    if resource == ".search":  # at the root: it shows people and groups
        return frozenset({"read"})
    scope = _RESOURCES.get(resource)
    if scope is None:
        return frozenset()
    reads = method in _READING or ".search" in (resource, *rest)
    return frozenset({scope, "read"}) if reads else frozenset({scope})


def allows(granted: frozenset[Scope], method: str, address: str) -> bool:
    """Say whether scopes are enough for a method at a route."""
    if granted >= EVERYTHING:
        return True
    wanted = scopes_for(method, address)
    return wanted is None or not wanted.isdisjoint(granted)
