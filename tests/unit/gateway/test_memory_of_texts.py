"""Long texts that providers send: nothing keeps them once they are answered."""

import tracemalloc
from collections.abc import Callable
from contextlib import suppress

import pytest

from rollbook_contracts.datetimes import parse_datetime
from rollbook_gateway.scim.compiled import user_schema
from rollbook_gateway.scim.errors import ScimError
from rollbook_gateway.scim.filters import parse_filter
from rollbook_gateway.scim.patch.paths import parse_path
from rollbook_gateway.scim.rendering import projection

MIB = 1024 * 1024


@pytest.mark.parametrize(
    "read",
    [
        lambda text: parse_path(f"d{text}isplayName", user_schema()),
        lambda text: projection(f"displayName,{text}", None, user_schema()),
        lambda text: projection(None, f"displayName,{text}", user_schema()),
        lambda text: parse_datetime(f"2026-01-01{text}"),
        lambda text: parse_filter(f'userName eq "{text}"', user_schema(), []),
    ],
    ids=["path", "attributes", "excludedAttributes", "date", "filter"],
)
def test_nothing_keeps_a_long_text(read: Callable[[str], object]) -> None:
    """Thirty texts of 128 KiB, all different, leave less than one of them behind."""
    with suppress(ScimError):
        read("x")
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(30):
        with suppress(ScimError):
            read(" " * (MIB // 8 + number))
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < MIB // 8
