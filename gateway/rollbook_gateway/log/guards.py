"""What the guards of a write demand, and who is to blame when a batch is refused; pure, asked by the lane."""

from collections.abc import Mapping
from typing import Final

from rollbook_contracts.limits import BATCH_MESSAGES
from rollbook_gateway.log.port import Message, Stored, Write

MOST_MESSAGES: Final = BATCH_MESSAGES
"""The server's limit on an atomic batch."""


def check_write(write: Write) -> None:
    """Raise ``ValueError`` for a write that could never be stored, or twice: that is a mistake of its maker."""
    if len(write.messages) > MOST_MESSAGES:
        raise ValueError(f"a write has at most {MOST_MESSAGES} messages, not {len(write.messages)}")
    guarded = False
    touched: set[str] = set()
    for message in write.messages:
        if message.expected is not None and message.beside is None:
            guarded = True
            if message.subject in touched:
                # The server refuses any guard on a subject that the same batch wrote to before.
                raise ValueError(f"the guard on {message.subject} must stand on the write's first message there")
        touched.add(message.subject)
    if not guarded:
        raise ValueError("a write needs at least one message that guards its own subject")
    if both := touched & guarded_beside(write):
        raise ValueError(f"a write guards the subjects that it writes by its messages there, not beside: {both}")


def guarded(write: Write) -> list[tuple[int, Message, int]]:
    """Return the messages of a write that guard their own subjects: position, message and expected sequence."""
    return [
        (position, message, message.expected)
        for position, message in enumerate(write.messages)
        if message.expected is not None and message.beside is None
    ]


def guards(write: Write) -> list[tuple[str, int]]:
    """Return all subjects that a write guards, and the sequences that it expects there."""
    return [(message.guarded, message.expected) for message in write.messages if message.expected is not None]


def guarded_beside(write: Write) -> frozenset[str]:
    """Return the subjects that a write guards and leaves as they are."""
    return frozenset([message.beside for message in write.messages if message.beside is not None])


def last_per_subject(write: Write, sequence: int) -> dict[str, int]:
    """Return the last sequence of each subject that a stored write touched; ``sequence`` is its last message's."""
    first = sequence - len(write.messages) + 1
    return {message.subject: first + position for position, message in enumerate(write.messages)}


def stale(write: Write, last: Mapping[str, int]) -> tuple[str, int] | None:
    """Return the first guarded subject that stands beyond its guard, and its last sequence.

    ``last`` holds sequences that the subjects have reached: they only rise, so a guard below one never holds again.
    """
    for subject, expected in guards(write):
        if last.get(subject, 0) > expected:
            return subject, last[subject]
    return None


def is_ours(sent: Message, found: Stored) -> bool:
    """Whether what stands behind the guard of a message is that message: of the write's requests, its own sent it.

    A request guards a subject at one sequence once at most while a copy may be stored, so that its id is enough.
    """
    return found.headers.get("ce-requestid") == sent.headers.get("ce-requestid")
