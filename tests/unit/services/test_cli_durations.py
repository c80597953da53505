"""Durations as they are typed."""

from datetime import timedelta

import pytest
import typer

from rollbook.cli.durations import duration


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("90d", timedelta(days=90)),
        ("24h", timedelta(hours=24)),
        ("30m", timedelta(minutes=30)),
        ("2w", timedelta(weeks=2)),
        ("0h", timedelta(0)),
        (" 1d ", timedelta(days=1)),
    ],
)
def test_a_number_and_a_unit(text: str, meant: timedelta) -> None:
    """Minutes, hours, days and weeks."""
    assert duration(text) == meant


@pytest.mark.parametrize("text", ["", "90", "d", "-1d", "1.5h", "1y", "1 d", "3651d", "999999w"])
def test_anything_else_is_refused_with_what_is_allowed(text: str) -> None:
    """The message names the value and shows the form."""
    with pytest.raises(typer.BadParameter) as refused:
        duration(text)
    assert repr(text) in str(refused.value)
    assert "90d" in str(refused.value)
