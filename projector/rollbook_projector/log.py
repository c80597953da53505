"""Reads of a stream's leader beside the pull: identity, head, single messages; for integrity, parking, replays."""

import base64
import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import nats.errors
from nats.aio.client import Client

from rollbook_contracts.leadership import since_majority
from rollbook_projector.headers import parse_headers
from rollbook_projector.recorded import LogMessage

TIMEOUT: Final = 5.0
LED_WITHIN: Final = 3.0
"""Seconds within which a leader must have heard a majority to be believed: nobody else is elected before four."""
_UNIX_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NO_MESSAGE: Final = 10037
_NO_STREAM: Final = 10059


class LogUnavailableError(Exception):
    """JetStream did not answer, or refused for a reason of its own: the same question may be answered later."""


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """A stream as it is now: when it was made, its first and last sequence, how many messages it holds."""

    created: str
    first: int
    last: int
    messages: int


async def jetstream(client: Client, operation: str, body: object = None, *, timeout: float = TIMEOUT) -> dict[str, Any]:  # noqa: ASYNC109  # nats-py's own deadline
    """Ask JetStream's API; the answer may be an error. Raises ``LogUnavailableError`` where there is none."""
    payload = b"" if body is None else json.dumps(body).encode()
    try:
        answer = await client.request(f"$JS.API.{operation}", payload, timeout=timeout)
    except (nats.errors.Error, OSError) as error:
        raise LogUnavailableError(f"JetStream did not answer {operation}: {error}") from error
    decoded: dict[str, Any] = json.loads(answer.data)
    return decoded


def nanoseconds(time: datetime) -> int:
    """Return a time as nanoseconds since 1970, as messages carry it."""
    return (time - _UNIX_EPOCH) // timedelta(microseconds=1) * 1000


class StreamLog:
    """One stream, read message by message."""

    def __init__(self, client: Client, stream: str) -> None:
        self.client = client
        self.stream = stream

    async def info(self, *, timeout: float = TIMEOUT) -> StreamInfo | None:  # noqa: ASYNC109  # nats-py's own deadline
        """Return the stream's identity and extent, ``None`` where there is no such stream.

        On a cluster a leader that is cut off answers, too, from an old log: it is told by whom it has not heard.
        """
        answer = await jetstream(self.client, f"STREAM.INFO.{self.stream}", timeout=timeout)
        if error := answer.get("error"):
            if error.get("err_code") == _NO_STREAM:
                return None
            raise LogUnavailableError(f"{self.stream}: {error}")
        if (silent := since_majority(answer)) > LED_WITHIN:
            how_long = "" if math.isinf(silent) else f" for {silent:.1f} s"
            raise LogUnavailableError(f"{self.stream}: the server that answers has heard no majority{how_long}")
        state = answer["state"]
        return StreamInfo(answer["created"], state["first_seq"], state["last_seq"], state["messages"])

    async def at(self, sequence: int) -> LogMessage | None:
        """Return the message with a sequence, ``None`` where there is none."""
        return await self._get({"seq": sequence})

    async def last(self, subject: str) -> LogMessage | None:
        """Return the last message on a subject."""
        return await self._get({"last_by_subj": subject})

    async def next(self, subject: str, sequence: int) -> LogMessage | None:
        """Return the first message on a subject from a sequence on."""
        return await self._get({"seq": sequence, "next_by_subj": subject})

    async def _get(self, which: object) -> LogMessage | None:
        answer = await jetstream(self.client, f"STREAM.MSG.GET.{self.stream}", which)
        if error := answer.get("error"):
            if error.get("err_code") == _NO_MESSAGE:
                return None
            raise LogUnavailableError(f"{self.stream}: {error}")
        message = answer["message"]
        return LogMessage(
            message["seq"],
            message["subject"],
            parse_headers(base64.b64decode(message.get("hdrs", ""))),
            base64.b64decode(message.get("data", "")),
            nanoseconds(datetime.fromisoformat(message["time"])),
        )
