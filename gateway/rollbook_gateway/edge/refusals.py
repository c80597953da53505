"""What strangers do is counted, and told in one line a minute: a line for each would let them fill the disk."""

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Final

import structlog

TELL_SECONDS: Final = 60.0

logger = structlog.get_logger(__name__)


class Refusals:
    """Counts by event and reason, both from a fixed few; ``clock`` counts seconds and never goes back."""

    def __init__(self, clock: Callable[[], float], tell_seconds: float = TELL_SECONDS) -> None:
        self._clock = clock
        self._tell_seconds = tell_seconds
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._told_at: float | None = None

    def count(self, event: str, reason: str) -> None:
        """Count one."""
        self._counts[event][reason] += 1

    def tell(self, *, now: bool = False) -> None:
        """Log what was counted since the last time, unless that is less than a minute ago; called every second."""
        if not self._counts:
            return
        at = self._clock()
        since = at - self._told_at if self._told_at is not None else None
        if not now and since is not None and since < self._tell_seconds:
            return
        for event, counts in self._counts.items():
            logger.info(event, counts=dict(counts), seconds=round(since) if since is not None else None)
        self._counts.clear()
        self._told_at = at
