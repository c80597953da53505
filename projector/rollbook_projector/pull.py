"""Reads a stream in order from any sequence on, without acknowledgements; for the loop and for replays."""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, TypeAlias

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from rollbook_projector.log import LogUnavailableError, jetstream
from rollbook_projector.recorded import LogMessage

_HEARTBEAT_STATUS: Final = "100"
_ENDED_STATUSES: Final = frozenset({"404", "408"})
_UNSERVED_STATUS: Final = "503"
_ASK_AGAIN: Final = 0.05
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
_NANOSECONDS: Final = 1_000_000_000


Start: TypeAlias = int | datetime
"""Read behind this sequence, or from this time on."""


class PullBrokenError(LogUnavailableError):
    """The reader is of no use any more, a new one must be opened behind the last message that was taken."""


@dataclass(frozen=True, slots=True)
class PullSettings:
    """How much is asked for at once, and how soon silence is noticed (seconds)."""

    batch: int = 500
    prefetch: int = 3
    heartbeat: float = 1.0
    expires: float = 30.0


class Pull:
    """An ephemeral consumer and the messages that it sent ahead. Opened by ``pulling``."""

    def __init__(self, client: Client, stream: str, settings: PullSettings) -> None:
        self._client = client
        self._stream = stream
        self._settings = settings
        self._received: deque[LogMessage] = deque()
        self._arrived = asyncio.Event()
        self._asked = 0
        self._delivered = 0
        self._broken: str | None = None
        self._heard = 0.0
        self._connections = client.stats["reconnects"]
        self._request = b""
        self._next = ""
        self._inbox = ""

    async def open(self, start: Start, subject: str | Sequence[str] | None) -> str:
        """Create the consumer; return its name."""
        loop = asyncio.get_running_loop()
        config: dict[str, object] = {
            "ack_policy": "none",
            "inactive_threshold": 30 * _NANOSECONDS,
            "mem_storage": True,
            "num_replicas": 1,
        }
        if isinstance(start, datetime):
            config |= {"deliver_policy": "by_start_time", "opt_start_time": start.astimezone(UTC).isoformat()}
        else:
            config |= {"deliver_policy": "by_start_sequence", "opt_start_seq": start + 1}
        if isinstance(subject, str):
            config["filter_subject"] = subject
        elif subject is not None:
            config["filter_subjects"] = list(subject)
        answer = await jetstream(
            self._client, f"CONSUMER.CREATE.{self._stream}", {"stream_name": self._stream, "config": config}
        )
        if "error" in answer:
            raise PullBrokenError(f"{self._stream}: {answer['error']}")
        name: str = answer["name"]
        self._inbox = self._client.new_inbox()
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{name}"
        self._request = json.dumps(
            {
                "batch": self._settings.batch,
                "expires": int(self._settings.expires * _NANOSECONDS),
                "idle_heartbeat": int(self._settings.heartbeat * _NANOSECONDS),
            }
        ).encode()
        self._heard = loop.time()
        return name

    async def take(self, limit: int, patience: float) -> list[LogMessage]:
        """Return what has arrived, at most ``limit``; an empty list after ``patience`` seconds or ``wake``.

        Raises ``PullBrokenError`` when messages were lost on the way or the consumer is silent.
        """
        await self._ask()
        if not self._received and self._broken is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._arrived.wait()
        self._arrived.clear()
        self._check()
        received = self._received
        return [received.popleft() for _ in range(min(limit, len(received)))]

    def wake(self) -> None:
        """Let ``take`` return at once."""
        self._arrived.set()

    async def on_message(self, message: Msg) -> None:
        """Take in what the server sends: a message of the stream, a heartbeat, the end of a request."""
        # $JS.ACK.<stream>.<consumer>.<delivered>.<stream sequence>.<consumer sequence>.<time>.<pending>
        tokens = message.reply.split(".")
        if len(tokens) >= 9:
            delivered = int(tokens[6])
            self._delivered += 1
            if delivered != self._delivered and self._broken is None:
                self._broken = f"message {self._delivered} of the consumer is missing"
            self._received.append(
                LogMessage(int(tokens[5]), message.subject, _headers(message), message.data, int(tokens[7]))
            )
            self._asked -= 1
        elif self._is_heard_by_nobody(message):
            return
        else:
            self._on_status(message)
        self._heard = asyncio.get_running_loop().time()
        self._arrived.set()

    def _is_heard_by_nobody(self, message: Msg) -> bool:
        """Whether a request found no consumer: a cluster tells of one that it just made before all servers know it.

        It is made again soon, by the next ``take``. A consumer that is gone is noticed by the silence.
        """
        if _headers(message).get("Status") != _UNSERVED_STATUS:
            return False
        self._asked -= self._settings.batch
        asyncio.get_running_loop().call_later(_ASK_AGAIN, self._arrived.set)
        return True

    def _on_status(self, message: Msg) -> None:
        headers = _headers(message)
        status = headers.get("Status", "")
        if status in _ENDED_STATUSES:
            self._asked -= int(headers.get("Nats-Pending-Messages", self._settings.batch))
        elif status != _HEARTBEAT_STATUS:
            self._broken = f"the server ended the consumer: {status} {headers.get('Description', '')}"

    async def _ask(self) -> None:
        """Keep the requests ahead of what is taken; what has arrived and waits here counts as asked for."""
        batch = self._settings.batch
        while self._asked + len(self._received) <= batch * (self._settings.prefetch - 1):
            try:
                await self._client.publish(self._next, self._request, reply=self._inbox)
            except (nats.errors.Error, OSError) as error:
                raise PullBrokenError(f"{self._stream}: {error}") from error
            self._asked += batch

    def _check(self) -> None:
        if self._broken is None and not self._received:
            silent = asyncio.get_running_loop().time() - self._heard
            if self._client.stats["reconnects"] != self._connections:
                self._broken = "the connection was interrupted"
            elif silent > 2.5 * self._settings.heartbeat + 1:
                self._broken = f"no heartbeat for {silent:.1f} s"
        if self._broken is not None:
            raise PullBrokenError(f"{self._stream}: {self._broken}")

    @property
    def inbox(self) -> str:
        """The subject on which the consumer answers."""
        return self._inbox


def _headers(message: Msg) -> Mapping[str, str]:
    # Not `or {}`: lazy headers would be parsed to say whether there are any.
    headers: Mapping[str, str] | None = message.headers
    return _NO_HEADERS if headers is None else headers


@contextlib.asynccontextmanager
async def pulling(
    client: Client,
    stream: str,
    *,
    after: Start,
    subject: str | Sequence[str] | None = None,
    settings: PullSettings | None = None,
) -> AsyncIterator[Pull]:
    """Read a stream from somewhere on, all of it or some subjects; raises ``LogUnavailableError``."""
    pull = Pull(client, stream, settings or PullSettings())
    name = await pull.open(after, subject)
    try:
        subscription = await client.subscribe(
            pull.inbox, cb=pull.on_message, pending_msgs_limit=-1, pending_bytes_limit=-1
        )
    except nats.errors.Error as error:
        raise PullBrokenError(f"{stream}: {error}") from error
    try:
        yield pull
    finally:
        with contextlib.suppress(nats.errors.Error, LogUnavailableError):
            await subscription.unsubscribe()
            await jetstream(client, f"CONSUMER.DELETE.{stream}.{name}", timeout=1.0)
