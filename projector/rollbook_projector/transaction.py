"""One transaction for some messages of the log, as many as do not weigh too much; called by whatever applies facts.

What is cut are writes: the facts of one request become visible together.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple, Protocol, TypeVar

from rollbook_contracts.facts.system import EpochStarted
from rollbook_projector.applying import Applied, Applying
from rollbook_projector.batch import Bound
from rollbook_projector.recorded import (
    LogMessage,
    Recorded,
    is_claim,
    is_correction,
    is_park_decision,
    members_in,
    read,
)
from rollbook_projector.session import Connection, aside, is_own_reason
from rollbook_projector.weight import MOST, TooHeavyError
from rollbook_projector.writes import end_of_write, place_of, start_of_write

_LONG: Final = 256 * 1024
"""Bytes of facts that are decoded at once."""

_Result = TypeVar("_Result")


class Mark(Protocol):
    """How far facts are applied: moved in the transaction of their effects, by compare-and-set."""

    @property
    def epoch(self) -> int:
        """The epoch in which the next fact stands."""

    async def begin(self, connection: Connection, last: LogMessage, epoch: int) -> bool:
        """Say that all up to a message is going to be applied; return whether anything may be parked."""

    async def end(self, connection: Connection, last: LogMessage, epoch: int) -> None:
        """Say that all up to a message is applied. One of the two raises ``OvertakenError``."""


class Part(NamedTuple):
    """What one transaction did: how many messages are behind it, and who kept it from more by a heavy weight."""

    messages: int
    heavy: str


def first_part(messages: Sequence[LogMessage], most: int = MOST) -> int:
    """Return how many messages go into the first transaction: whole writes, of not too many values, one at least.

    An operator's decision on parked facts is applied alone, and so are corrections.
    """
    weight = 0
    for place, message in enumerate(messages):
        if is_park_decision(message) or is_correction(message):
            return place or 1
        weight += members_in(message)
        if weight > most:
            return start_of_write(messages, place) or end_of_write(messages, place)
    return len(messages)


async def whatever_it_weighs(
    messages: Sequence[LogMessage], step: Callable[[Sequence[LogMessage], int | None], Awaitable[_Result]]
) -> _Result:
    """Try to do all of a part, then less and less; one write is done at last, whatever it weighs."""
    end = first_part(messages)
    while True:
        alone = end_of_write(messages, 0) >= end
        try:
            return await step(messages[:end], None if alone else MOST)
        except TooHeavyError:
            end = start_of_write(messages, end // 2) or end_of_write(messages, 0)


async def apply_part(
    connection: Connection, applying: Applying, mark: Mark, messages: Sequence[LogMessage], most: int | None = None
) -> Part:
    """Apply as many of the first messages as may weigh so much; all of it is in the tables, or nothing.

    The messages are whole writes, as ``first_part`` cuts them. Raises ``TooHeavyError`` where nothing was applied since
    they touch more than ``most``, ``OvertakenError``, ``Halt`` and PostgreSQL's errors that speak of the server.
    """
    facts = await _facts(connection, messages)
    bound = bound_of(messages, most)
    epoch = mark.epoch
    for fact in facts:
        if isinstance(fact.fact, EpochStarted):
            epoch = fact.fact.epoch
    decides = is_park_decision(messages[-1])
    try:
        async with connection.transaction():
            parked = await mark.begin(connection, messages[-1], epoch)
            applied = Applied(len(facts), epoch, {})
            if decides:
                await applying.decision(connection, mark.epoch, facts[0], bound)
            elif facts:
                applied = await applying.together(connection, mark.epoch, facts, bound, any_parked=parked)
            part = await _ended(connection, mark, messages, facts, applied)
    except Exception as error:
        if decides or not is_own_reason(error):
            raise
        async with connection.transaction():
            await mark.begin(connection, messages[-1], epoch)
            applied = await applying.one_by_one(connection, mark.epoch, facts, bound)
            part = await _ended(connection, mark, messages, facts, applied)
    await applying.tables.resources.looked_at(connection)
    return part


def bound_of(messages: Sequence[LogMessage], most: int | None) -> Bound | None:
    """Return the bound of what messages may weigh together, ``None`` for none."""
    if most is None:
        return None

    def ends_write(sequence: int) -> bool:
        place = place_of(messages, sequence)
        return end_of_write(messages, place) == place + 1

    return Bound(most, ends_write)


def messages_of(messages: Sequence[LogMessage], facts: Sequence[Recorded], applied: Applied) -> int:
    """Return how many messages are applied with their facts."""
    if applied.facts == len(facts):
        return len(messages)
    return end_of_write(messages, place_of(messages, facts[applied.facts - 1].sequence))


async def _ended(
    connection: Connection, mark: Mark, messages: Sequence[LogMessage], facts: Sequence[Recorded], applied: Applied
) -> Part:
    count = messages_of(messages, facts, applied)
    await mark.end(connection, messages[count - 1], applied.epoch)
    return Part(count, applied.heaviest if count < len(messages) else "")


async def _facts(connection: Connection, messages: Sequence[LogMessage]) -> list[Recorded]:
    def decoded() -> list[Recorded]:
        return [read(message) for message in messages if not is_claim(message)]

    if sum(len(message.body) for message in messages) > _LONG:
        return await aside(connection, decoded)
    return decoded()
