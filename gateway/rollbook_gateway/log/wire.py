"""Frames out, answers in: requests over one NATS connection with an inbox of our own; for lanes and leader reads."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from nats.aio.msg import Msg

from rollbook_gateway.log.connection import Connection

_NO_RESPONDERS: Final = "503"


class WireError(Exception):
    """A request that got no answer; the subclass says what is known of it."""


class NotSentError(WireError):
    """The connection is down: nothing left this process."""


class UnservedError(WireError):
    """The server says that nobody serves the subject now, e.g. while a stream elects its leader."""


class UnansweredError(WireError):
    """The request may have arrived or not, may have been carried out or not, and may be yet."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A request under way: who waits for its first answer, and every answer so far."""

    first: "asyncio.Future[Msg]"
    answers: list[bytes] = field(default_factory=list)


class Wire:
    """One inbox on one connection; every waiting request hears at once when the connection is interrupted."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._inbox = connection.new_inbox()
        self._prefix = f"{self._inbox}.".encode()
        self._tokens = count(1)
        self._waiting: dict[str, _Waiting] = {}

    @property
    def max_payload(self) -> int:
        """The greatest message, headers included, that the server takes."""
        return self._connection.max_payload

    async def open(self) -> None:
        self._subscription = await self._connection.subscribe(f"{self._inbox}.*", cb=self._answered)
        self._no_interruptions = self._connection.on_interruption(self._interrupted)

    async def close(self) -> None:
        self._no_interruptions()
        if self._connection.is_connected:
            await self._subscription.unsubscribe()

    async def ask(self, framed: Callable[[bytes], bytes], within: float, ahead: Iterable[bytes] = ()) -> bytes:
        """Send what ``framed`` makes for a reply subject; return the answer's body or raise a ``WireError``.

        ``ahead`` goes before it, part by part, and means nothing without it: others have their turn between the parts.
        """
        async with self.asked(framed, within, ahead) as answers:
            return answers[0]

    @asynccontextmanager
    async def asked(
        self, framed: Callable[[bytes], bytes], within: float, ahead: Iterable[bytes] = ()
    ) -> AsyncIterator[list[bytes]]:
        """Do the same, and lend the list of all answers, which grows for as long as the block lasts.

        A question to a stream's leader gets two answers where two servers of a cluster hold themselves for it.
        """
        held = b""
        for part in ahead:
            if held:
                await self._send(held)
                await asyncio.sleep(0)
            held = part
        token = str(next(self._tokens))
        waiting = self._waiting[token] = _Waiting(asyncio.get_running_loop().create_future())
        try:
            await self._send(held + framed(self._prefix + token.encode()))
            try:
                async with asyncio.timeout(within):
                    message = await waiting.first
            except TimeoutError:
                raise UnansweredError(f"NATS did not answer within {within:.1f} s") from None
            if not message.data and message.headers and message.headers.get("Status") == _NO_RESPONDERS:
                raise UnservedError("no server leads the stream now")
            yield waiting.answers
        finally:
            self._waiting.pop(token, None)

    async def _send(self, frames: bytes) -> None:
        if not self._connection.is_connected:
            raise NotSentError("not connected to NATS")
        await self._connection.send(frames)

    async def _answered(self, message: Msg) -> None:
        waiting = self._waiting.get(message.subject.rpartition(".")[2])
        if waiting is not None:
            waiting.answers.append(message.data)
            if not waiting.first.done():
                waiting.first.set_result(message)

    def _interrupted(self) -> None:
        for waiting in self._waiting.values():
            if not waiting.first.done():
                waiting.first.set_exception(UnansweredError("the connection to NATS was interrupted"))
