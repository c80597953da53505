"""Sends past changes again, to a subject of its own, so that one consumer catches up; for `rollbook replay`."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeAlias

import nats.errors
from nats.aio.client import Client

from rollbook_contracts.changes.envelope import REPLAYED
from rollbook_contracts.streams import CHANGES
from rollbook_projector.log import LogUnavailableError, StreamLog, nanoseconds
from rollbook_projector.pull import pulling
from rollbook_projector.recorded import LogMessage

Bound: TypeAlias = int | datetime
"""A sequence of CHANGES, or a time."""
Progress: TypeAlias = Callable[[int, int], None]
"""Told how far the replay is and where it ends, in sequences of CHANGES."""

_FLUSH: Final = 500
_OF_THE_STREAM: Final = "nats-"


class TargetRefusedError(ValueError):
    """The subject to send to is one that Rollbook itself uses."""


async def republish(
    client: Client,
    *,
    to: str,
    start: Bound = 1,
    until: Bound | None = None,
    tenant: str | None = None,
    progress: Progress = lambda _done, _end: None,
) -> int:
    """Publish the changes from ``start`` to ``until``, both included, with their ids; return how many there were.

    Without ``until`` it ends with the last change there is at the beginning. Raises ``TargetRefusedError`` and
    ``LogUnavailableError``.
    """
    _check_target(to)
    subject = f"lms.{tenant}.>" if tenant else "lms.>"
    last = await StreamLog(client, CHANGES).last(subject)
    if last is None or _behind(start, last):
        return 0
    end = min(until, last.sequence) if isinstance(until, int) else last.sequence
    latest = nanoseconds(until) if isinstance(until, datetime) else None
    first = start - 1 if isinstance(start, int) else start
    if isinstance(first, int) and first >= end:
        return 0
    sent = 0
    async with pulling(client, CHANGES, after=first, subject=subject) as pull:
        while True:
            messages = await pull.take(_FLUSH, patience=1.0)
            for message in messages:
                if message.sequence > end or (latest is not None and message.stored > latest):
                    await _flush(client)
                    return sent
                await _send(client, to, message)
                sent += 1
            await _flush(client)
            if messages:
                progress(messages[-1].sequence, end)
                if messages[-1].sequence >= end:
                    return sent


def _check_target(to: str) -> None:
    first = to.split(".", 1)[0]
    if first in {"fact", "claim", "lms", "relay", "notice"} or first.startswith(("$", "_")):
        raise TargetRefusedError(
            f"{to!r} is a subject that Rollbook itself uses: choose one that nobody else reads, such as replay.mine"
        )
    if any(token in {"", "*", ">"} or not token.isprintable() or " " in token for token in to.split(".")):
        raise TargetRefusedError(f"{to!r} is no subject to publish to: words with dots between them, no wildcards")


def _behind(start: Bound, last: LogMessage) -> bool:
    """Whether a replay would begin behind the last change."""
    return start > last.sequence if isinstance(start, int) else nanoseconds(start) > last.stored


async def _send(client: Client, to: str, message: LogMessage) -> None:
    headers = {name: value for name, value in message.headers.items() if not name.lower().startswith(_OF_THE_STREAM)}
    try:
        await client.publish(to, message.body, headers=headers | {REPLAYED: "true"})
    except (nats.errors.Error, OSError) as error:
        raise LogUnavailableError(f"the replay was interrupted at {message.sequence}: {error}") from error


async def _flush(client: Client) -> None:
    try:
        await client.flush()
    except (nats.errors.Error, OSError) as error:
        raise LogUnavailableError(f"the replay was interrupted: {error}") from error
