"""Publishes messages as one atomic batch (JetStream's ADR-50), which nats-py cannot by itself; for the relay."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import nats.errors
from nats.aio.client import Client

from rollbook_contracts.limits import BATCH_MESSAGES
from rollbook_projector.log import TIMEOUT, LogUnavailableError

MOST: Final = BATCH_MESSAGES
"""The server takes no larger batch."""
_AT_ONCE: Final = 50
"""So many are sent before others have their turn."""
EXPECTED: Final = "Nats-Expected-Last-Subject-Sequence"
_WRONG_SEQUENCE: Final = frozenset({10071, 10164})
_FULL: Final = frozenset({10023, 10047, 10077})
"""Insufficient resources, insufficient storage, and what the store itself says, such as "maximum bytes exceeded"."""


class Outgoing(NamedTuple):
    """A message to be published."""

    subject: str
    headers: Mapping[str, str]
    body: bytes


class FullError(LogUnavailableError):
    """The stream takes no more: it is as large as it may become, or the server has no room for it."""


class GuardRefusedError(Exception):
    """A message's guard did not hold: nothing of the batch is stored."""


async def publish_atomically(
    client: Client,
    batch_id: str,
    messages: Sequence[Outgoing],
    *,
    timeout: float = TIMEOUT,  # noqa: ASYNC109  # nats-py's own deadline
) -> int:
    """Store all messages or none; return the sequence of the last one.

    Raises ``GuardRefusedError``, or ``LogUnavailableError`` when it is not known what became of them.
    """
    try:
        for position, message in enumerate(messages[:-1], 1):
            await client.publish(message.subject, message.body, headers=_headers(message, batch_id, position))
            if position % _AT_ONCE == 0:
                await asyncio.sleep(0)
        last = messages[-1]
        headers = _headers(last, batch_id, len(messages)) | {"Nats-Batch-Commit": "1"}
        answer = await client.request(last.subject, last.body, timeout=timeout, headers=headers)
    except (nats.errors.Error, OSError) as error:
        raise LogUnavailableError(f"a batch of {len(messages)} messages got no answer: {error}") from error
    ack: dict[str, Any] = json.loads(answer.data)
    if refusal := ack.get("error"):
        if refusal.get("err_code") in _WRONG_SEQUENCE:
            raise GuardRefusedError(str(refusal))
        if refusal.get("err_code") in _FULL:
            raise FullError(str(refusal.get("description")))
        raise LogUnavailableError(f"a batch of {len(messages)} messages was refused: {refusal}")
    sequence: int = ack["seq"]
    return sequence


def _headers(message: Outgoing, batch_id: str, position: int) -> dict[str, str]:
    return {**message.headers, "Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(position)}
