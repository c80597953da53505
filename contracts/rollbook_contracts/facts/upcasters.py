"""Upcasters: pure functions that lift the body of an older fact to the next version; the codec applies them on read."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

Upcaster: TypeAlias = Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]
"""From the body of an old wire type to (newer wire type, body)."""

UPCASTERS: Final[Mapping[str, Upcaster]] = MappingProxyType({})
"""Old wire type → upcaster; empty as long as every type is at its first version."""


def upcast(
    wire_type: str,
    body: dict[str, Any],
    upcasters: Mapping[str, Upcaster],
) -> tuple[str, dict[str, Any]]:
    """Lift a body step by step until no upcaster is left for its type."""
    while (upcaster := upcasters.get(wire_type)) is not None:
        wire_type, body = upcaster(body)
    return wire_type, body
