"""Spans of time as operators type them: ``90s``, ``15m``, ``1h30m``, ``2d``."""

import re
from datetime import timedelta
from typing import Final

_FORM: Final = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?", re.ASCII)


def parse_duration(text: str) -> timedelta:
    """Read ``1h`` or ``1d12h``; raises ``ValueError`` saying what is possible."""
    match = _FORM.fullmatch(text.strip())
    if not text.strip() or match is None:
        raise ValueError(f"{text!r} is no span of time such as 90s, 15m, 1h30m or 2d")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
