"""Appends facts about a partition itself, each guarded by the one before it; for operators' decisions and epochs."""

import json

import nats.errors
from nats.aio.client import Client

from rollbook_contracts import streams, subjects
from rollbook_contracts.facts.codec import encode
from rollbook_contracts.facts.envelope import Envelope, fact_id
from rollbook_contracts.facts.system import EpochCorrected, EpochStarted, ParkDiscarded, ParkRetried
from rollbook_projector.log import TIMEOUT, LogUnavailableError, StreamLog
from rollbook_projector.outbox.atomic import EXPECTED


class AppendRefusedError(Exception):
    """The fact is not stored: another one came before it, or the log is full."""


async def last_about(client: Client, partition: int) -> int:
    """Return the sequence of the last fact about a partition, 0 where there is none."""
    last = await StreamLog(client, streams.provisioning(partition)).last(subjects.system(partition))
    return 0 if last is None else last.sequence


async def append_about(  # a fact with all that its envelope wants
    client: Client,
    partition: int,
    fact: EpochStarted | EpochCorrected | ParkRetried | ParkDiscarded,
    *,
    expected: int,
    request_id: str,
    time: str,
) -> int:
    """Append a fact behind the last one, which must be ``expected``; return its sequence.

    Raises ``AppendRefusedError``, or ``LogUnavailableError``, after which it is not known whether it was written.
    """
    envelope = Envelope(fact_id(request_id, 0), "", f"partition-{partition:02d}", time, request_id, expected)
    headers, body = encode(fact, envelope)
    try:
        answer = await client.request(
            subjects.system(partition), body, timeout=TIMEOUT, headers=headers | {EXPECTED: str(expected)}
        )
    except (nats.errors.Error, OSError) as error:
        raise LogUnavailableError(f"the log did not answer: {error}") from error
    ack = json.loads(answer.data)
    if refusal := ack.get("error"):
        raise AppendRefusedError(str(refusal))
    written: int = ack["seq"]
    return written
