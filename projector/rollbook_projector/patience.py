"""Waiting out troubles: growing pauses that a stop cuts short, and the end of a task; used by the loops.

Nothing here or in the loops calls ``asyncio.wait_for``: before Python 3.12 it loses a cancellation that comes together
with what is waited for.
"""

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
        async with asyncio.timeout(seconds):
            await stopping.wait()


async def end(task: asyncio.Task[None]) -> None:
    """Cancel a task until it has ended, also where a library under it (nats-py) loses a cancellation."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_FIRST)
