"""Whether the log is still the one that was applied; asked whenever a loop begins to read, and of each batch."""

from collections.abc import Sequence

from rollbook_contracts import subjects
from rollbook_contracts.facts.system import EpochStarted, ParkDiscarded, ParkRetried
from rollbook_projector.checkpoint import Checkpoint
from rollbook_projector.halts import Halt
from rollbook_projector.log import StreamInfo, StreamLog
from rollbook_projector.recorded import FactSource, LogMessage, read


async def check_log(log: StreamLog, checkpoint: Checkpoint) -> None:
    """Raise ``Halt`` unless the stream is the checkpoint's own and holds the checkpoint's fact at its place.

    A restored or damaged store gives sequences out again: going on behind the checkpoint would skip facts in silence.
    """
    info = await log.info()
    if info is None:
        raise Halt("log_regressed", f"stream {log.stream} is gone")
    _check_extent(info, checkpoint, log.stream)
    if checkpoint.seq == 0:
        return
    message = await log.at(checkpoint.seq)
    found = None if message is None else message.headers.get("ce-id", "")
    if found != checkpoint.fact_id:
        raise Halt(
            "log_regressed",
            f"message {checkpoint.seq} of {log.stream} is {found or 'missing'}, applied was {checkpoint.fact_id}",
        )


def check_contiguous(checkpoint: Checkpoint, messages: Sequence[LogMessage]) -> None:
    """Raise ``Halt`` where a message of the log is missing."""
    expected = checkpoint.seq
    for message in messages:
        expected += 1
        if message.sequence != expected:
            raise Halt("log_gap", f"message {expected} is missing, the next one is {message.sequence}")


async def decisions_after(log: FactSource, checkpoint: Checkpoint) -> dict[int, int]:
    """Return which facts operators decided on further on in the log: fact → sequence of the last decision."""
    found: dict[int, int] = {}
    sequence = checkpoint.seq + 1
    while (message := await log.next(subjects.system(checkpoint.partition), sequence)) is not None:
        match read(message).fact:
            case ParkRetried() | ParkDiscarded() as decision:
                found[decision.sequence] = message.sequence
            case _:
                pass
        sequence = message.sequence + 1
    return found


async def last_epoch(log: FactSource, partition: int) -> tuple[EpochStarted | None, int]:
    """Return how the epoch in force began, and the sequence of that fact; ``None`` and 0 in an empty log."""
    found: tuple[EpochStarted | None, int] = (None, 0)
    sequence = 1
    while (message := await log.next(subjects.system(partition), sequence)) is not None:
        fact = read(message).fact
        if isinstance(fact, EpochStarted):
            found = (fact, message.sequence)
        sequence = message.sequence + 1
    return found


def _check_extent(info: StreamInfo, checkpoint: Checkpoint, stream: str) -> None:
    if info.created != checkpoint.stream_created:
        raise Halt("log_regressed", f"stream {stream} was made {info.created}, applied was {checkpoint.stream_created}")
    if info.last < checkpoint.seq:
        raise Halt("log_regressed", f"stream {stream} ends at {info.last}, applied was {checkpoint.seq}")
    if info.last and info.first > checkpoint.seq + 1:
        raise Halt("log_gap", f"stream {stream} begins at {info.first}, applied was {checkpoint.seq}")
