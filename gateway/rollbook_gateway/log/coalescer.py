"""Which of the waiting writes go into the next batch; pure, asked by the lane."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rollbook_gateway.log.frames import Encoded
from rollbook_gateway.log.guards import MOST_MESSAGES, stale
from rollbook_gateway.log.port import Write

_FEW: Final = 16
"""On one server a batch costs as much as eight or ten publishes, and nothing else is sent until it is answered."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a batch may become and how long its answer is awaited.

    ``messages`` is the server's own limit. It limits the bytes of a message, not of a batch: ``size`` keeps a batch of
    large documents from holding up everything behind it.
    """

    messages: int = MOST_MESSAGES
    size: int = 4 * 1024 * 1024
    attempt: float = 2.0
    linger: float = 0.002
    """Seconds after a batch in which those who were answered may come back and share the next one with who waits:
    without it callers fall into two halves, each waiting for the other's batch."""


@dataclass(slots=True, eq=False)
class Pending:
    """A write on its way: what it is, and what became of it so far.

    ``uncertain``: an attempt was not answered, so that a copy may be stored, now or later. ``refused_before``: it was
    in a batch that was refused because of another write.
    """

    write: Write
    encoded: list[Encoded]
    subjects: frozenset[str]
    """Those it writes."""
    size: int
    deadline: float
    answer: asyncio.Future[int]
    uncertain: bool = False
    refused_before: bool = False
    not_before: float = 0.0
    trouble: str = "it waited behind other writes"
    beside: frozenset[str] = frozenset()
    """The subjects that it guards and leaves as they are."""


def take(
    waiting: Sequence[Pending],
    limits: Limits,
    *,
    now: float,
    at_most: int,
    under_way: Iterable[Pending] = (),
) -> tuple[list[Pending], list[Pending]]:
    """Split the waiting writes into the next batch and those that wait on; those past their deadline are dropped.

    Two writes with a subject in common never share a batch, and the later never overtakes the earlier, even one that is
    held back or ``under_way``: each is decided on a state, and only one of them can be right. A subject that both of
    them only guard is none in common.
    """
    batch: list[Pending] = []
    rest: list[Pending] = []
    written = {subject for pending in under_way for subject in pending.subjects}
    guarded = {subject for pending in under_way for subject in pending.beside}
    messages = size = 0
    for position, pending in enumerate(waiting):
        if pending.deadline <= now:
            continue
        meets = not (
            written.isdisjoint(pending.subjects)
            and guarded.isdisjoint(pending.subjects)
            and written.isdisjoint(pending.beside)
        )
        if meets or pending.not_before > now:
            rest.append(pending)
        elif batch and (
            len(batch) == at_most
            or messages + len(pending.encoded) > limits.messages
            or size + pending.size > limits.size
        ):
            rest.extend(waiting[position:])
            break
        else:
            batch.append(pending)
            messages += len(pending.encoded)
            size += pending.size
        written |= pending.subjects
        guarded |= pending.beside
    return batch, rest


def go_singly(batch: Sequence[Pending], beside: int = 0) -> bool:
    """Whether writes of one message each are so few, with those under way ``beside`` them, that no batch is sooner."""
    return 0 < len(batch) <= _FEW - beside and all(len(pending.encoded) == 1 for pending in batch)


def overtaken(waiting: Sequence[Pending], last: Mapping[str, int]) -> list[tuple[Pending, str, int]]:
    """Return the waiting writes that can no longer be stored, each with the subject and its sequence.

    ``last`` holds sequences that subjects have reached. A write in doubt is left out: its own copy may be there.
    """
    return [
        (pending, *fault)
        for pending in waiting
        if not pending.uncertain and (fault := stale(pending.write, last)) is not None
    ]
