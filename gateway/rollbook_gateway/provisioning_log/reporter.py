"""Takes entries from answered requests and sends them to stream REQUESTS, by the page; nobody waits for it.

What cannot be sent waits in a buffer of a fixed size; what does not fit is lost, and counted.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from itertools import islice
from typing import Final

import structlog

from rollbook_contracts.identifiers import new_id
from rollbook_contracts.requests.codec import RequestsAnswered, encode_page, page_headers
from rollbook_contracts.requests.entry import Entry

MOST_WAITING: Final = 10_000
"""Entries that wait at most, some 10 MB: what a gateway answers in two seconds at its fastest."""
PAGE: Final = 500
LINGER_SECONDS: Final = 0.2
"""How long an entry waits for others."""
RETRY_SECONDS: Final = 1.0
COUNTS_SECONDS: Final = 10.0
"""How often counts are sent where there is nothing else to send."""
CLOSE_SECONDS: Final = 2.0

Send = Callable[[Mapping[str, str], bytes], Awaitable[None]]
"""Stores a message in the stream; raises ``OSError`` or ``TimeoutError`` where that is not known to have worked."""

logger = structlog.get_logger(__name__)


class Reporter:
    """The entries of one gateway process that are not in the stream yet.

    ``gateway`` names the process, ``now`` returns the time as RFC 3339.
    """

    def __init__(self, send: Send, *, gateway: str, now: Callable[[], str], most_waiting: int = MOST_WAITING) -> None:
        self._send = send
        self._gateway = gateway
        self._now = now
        self._since = now()
        self._most_waiting = most_waiting
        self._waiting: deque[Entry] = deque()
        self._something = asyncio.Event()
        self._unadmitted = 0
        self._lost = 0
        self._told = (0, 0)

    def record(self, entry: Entry) -> None:
        """Take an entry."""
        if len(self._waiting) >= self._most_waiting:
            self._lost += 1
            return
        self._waiting.append(entry)
        self._something.set()

    def count_unadmitted(self) -> None:
        """Count a request that was refused before its tenant was known."""
        self._unadmitted += 1

    async def report(self) -> None:
        """Send what comes until cancelled, and then what is left, for two seconds at most."""
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(COUNTS_SECONDS):
                        await self._something.wait()
                await asyncio.sleep(LINGER_SECONDS)
                await self._send_waiting()
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._send_waiting()

    async def _send_waiting(self) -> None:
        """Send page after page until nothing waits, or nobody takes it: then again a little later."""
        something = self._waiting or self._told != (self._unadmitted, self._lost)
        while something:
            told = self._unadmitted, self._lost
            count, body = encode_page(
                RequestsAnswered(self._gateway, self._since, *told, tuple(islice(self._waiting, PAGE)))
            )
            try:
                await self._send(page_headers(new_id("req"), gateway=self._gateway, time=self._now()), body)
            except (OSError, TimeoutError) as error:
                logger.info("provisioning_log.not_sent", waiting=len(self._waiting), lost=self._lost, reason=str(error))
                await asyncio.sleep(RETRY_SECONDS)
                return
            self._told = told
            for _ in range(count):
                self._waiting.popleft()
            something = self._waiting
        self._something.clear()
