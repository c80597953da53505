"""Spans of time as operators type them."""

from datetime import timedelta

import pytest

from rollbook.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("1h", 3600), ("1h30m", 5400), ("2d", 172_800), (" 0s ", 0)]
)
def test_spans_are_read(text: str, seconds: int) -> None:
    """The units stand in the order of their size."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "1", "h", "1w", "1.5h", "30m1h", "-1h", "1 h"])
def test_anything_else_is_refused(text: str) -> None:
    """The message shows what is possible."""
    with pytest.raises(ValueError, match="such as 90s, 15m, 1h30m or 2d"):
        parse_duration(text)
