"""One transaction for each batch of messages, begun by the compare-and-set of the checkpoint; called by the loop."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from rollbook_contracts.facts.system import EpochStarted
from rollbook_projector.applying import Applying
from rollbook_projector.checkpoint import Checkpoint, advance
from rollbook_projector.recorded import (
    LogMessage,
    is_claim,
    is_correction,
    is_park_decision,
    is_staged_replacement,
    members_in,
    read,
)
from rollbook_projector.session import Connection, is_own_reason

MOST_VALUES: Final = 20_000
"""So many values of members, at most, in one transaction: what waits behind it is not kept waiting long."""


def cut(messages: Sequence[LogMessage]) -> Iterator[list[LogMessage]]:
    """Cut a run of messages into batches that are not too heavy.

    An operator's decision on parked facts is a batch of its own, and so are corrections, and what puts a staging in the
    place of all members of a group.
    """
    for alone, run in groupby(messages, _stands_alone):
        if alone:
            yield from ([message] for message in run)
        else:
            yield from _not_too_heavy(run)


def _stands_alone(message: LogMessage) -> bool:
    return is_park_decision(message) or is_correction(message) or is_staged_replacement(message)


def _not_too_heavy(messages: Iterable[LogMessage]) -> Iterator[list[LogMessage]]:
    batch: list[LogMessage] = []
    weight = 0
    for message in messages:
        values = members_in(message)
        if batch and weight + values > MOST_VALUES:
            yield batch
            batch, weight = [], 0
        batch.append(message)
        weight += values
    yield batch


async def apply_batch(
    connection: Connection, applying: Applying, checkpoint: Checkpoint, messages: Sequence[LogMessage]
) -> Checkpoint:
    """Apply a batch of ``cut`` and return the new checkpoint; all of it is in the tables, or nothing.

    Raises ``OvertakenError``, ``Halt`` and PostgreSQL's errors that speak of the server.
    """
    facts = [read(message) for message in messages if not is_claim(message)]
    epoch = checkpoint.epoch
    for fact in facts:
        if isinstance(fact.fact, EpochStarted):
            epoch = fact.fact.epoch
    last = messages[-1]
    new = checkpoint.at(last.sequence, last.headers.get("ce-id", ""), epoch)
    decides = is_park_decision(last)
    try:
        async with connection.transaction():
            parked = await advance(connection, checkpoint, new)
            if decides:
                await applying.decision(connection, checkpoint.epoch, facts[0])
            elif facts:
                await applying.together(connection, checkpoint.epoch, facts, any_parked=parked)
    except Exception as error:
        if decides or not is_own_reason(error):
            raise
        async with connection.transaction():
            await advance(connection, checkpoint, new)
            await applying.one_by_one(connection, checkpoint.epoch, facts)
    return new
