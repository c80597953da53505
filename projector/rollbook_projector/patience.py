"""Waiting out troubles: growing pauses that a stop cuts short; used by the loops."""

import asyncio
import contextlib
from typing import Final

_FIRST: Final = 0.1
_LONGEST: Final = 2.0


class Backoff:
    """Pauses that double up to two seconds, until something works again."""

    def __init__(self) -> None:
        self._seconds = _FIRST

    def next(self) -> float:
        """Return how long to wait now, in seconds."""
        seconds = self._seconds
        self._seconds = min(2 * seconds, _LONGEST)
        return seconds

    def reset(self) -> None:
        """Begin with short pauses again."""
        self._seconds = _FIRST


async def pause(stopping: asyncio.Event, seconds: float) -> None:
    """Wait, but no longer than until ``stopping`` is set."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
