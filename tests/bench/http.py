"""A keep-alive HTTP connection that costs next to nothing: requests rendered before, answers read as far as needed."""

import asyncio
import re
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, cast

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(slots=True)
class Tally:
    """What all connections of a load met; ``latencies`` are seconds from a request to its expected answer."""

    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    unexpected: Counter[str] = field(default_factory=Counter)

    @property
    def errors(self) -> int:
        """How many requests were not answered as expected."""
        return self.unexpected.total()


class LoadConnection(asyncio.Protocol):
    """One caller: sends the next request when the last one is answered, until the requests or the time are over.

    ``expect`` is text that a good answer's body holds, beside a status of 2xx; ``keep`` is handed each good body.
    """

    def __init__(
        self,
        requests: Iterator[bytes],
        tally: Tally,
        *,
        until: float,
        expect: bytes = b"",
        keep: Callable[[bytes], None] | None = None,
    ) -> None:
        self._requests = requests
        self._tally = tally
        self._until = until
        self._expect = expect
        self._keep = keep
        self._received = b""
        self._sent_at = 0.0
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        if self._received:
            data = self._received + data
        head = data.find(_HEAD_END)
        if head < 0:
            self._received = data
            return
        length = _LENGTH.search(data, 0, head)
        begin = head + len(_HEAD_END)
        end = begin + (int(length[1]) if length else 0)
        if len(data) < end:
            self._received = data
            return
        self._received = b""
        self._answered(data, begin)
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio names it
        if not self.finished.done():
            self._tally.unexpected["connection lost"] += 1
            self.finished.set_result(None)

    def _answered(self, data: bytes, begin: int) -> None:
        now = time.perf_counter()
        if data[9:10] != b"2":
            self._tally.unexpected[data[9:12].decode()] += 1
        elif self._expect and self._expect not in data:
            self._tally.unexpected["other than expected"] += 1
        else:
            self._tally.latencies.append(now - self._sent_at)
            if self._keep is not None:
                self._keep(data[begin:])

    def _send(self) -> None:
        self._sent_at = now = time.perf_counter()
        request = next(self._requests, None) if now < self._until else None
        if request is None:
            self.finished.set_result(None)
            self._transport.close()
        else:
            self._transport.write(request)
