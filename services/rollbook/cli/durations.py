"""Durations as they are typed: 90d, 24h, 30m."""

import re
from datetime import timedelta
from typing import Final

import typer

_FORM: Final = re.compile(r"(\d{1,6})([mhdw])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST: Final = timedelta(days=3650)


def duration(text: str) -> timedelta:
    """Read a duration; a parser for typer's options."""
    match = _FORM.fullmatch(text.strip())
    if match is not None:
        found = timedelta(**{_UNITS[match[2]]: int(match[1])})
        if found <= _LONGEST:
            return found
    raise typer.BadParameter(f"{text!r} is no duration; use a number and m, h, d or w, up to 3650d, as in 90d or 24h")
