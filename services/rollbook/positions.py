"""Where in a stream to begin or end: a sequence or a time, as operators type it."""

from datetime import datetime
from typing import TypeAlias

from rollbook_contracts.datetimes import parse_datetime

Position: TypeAlias = int | datetime
"""A sequence of a stream, or a time with its zone."""


def parse_position(text: str) -> Position:
    """Read ``1200`` or ``2026-11-24T08:00:00Z``; raises ``ValueError`` saying what is possible."""
    if text.isdecimal() and int(text) > 0:
        return int(text)
    time = parse_datetime(text)
    if time is None:
        raise ValueError(f"{text!r} is neither a sequence (1, 2, …) nor a time such as 2026-11-24T08:00:00Z")
    return time
