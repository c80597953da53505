"""The port of the event log: what the decision loops need of it; JetStream and an in-memory log stand behind it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a write.

    ``expected`` is the guard: the sequence of the last message on the subject, 0 where there must be none; ``None`` for
    a message without a guard. ``beside`` is the subject that is guarded instead, one that the write leaves as it is.
    """

    subject: str
    headers: Mapping[str, str]
    body: bytes
    expected: int | None
    beside: str | None = None

    @property
    def guarded(self) -> str:
        """Return the subject that the guard is about."""
        return self.subject if self.beside is None else self.beside


@dataclass(frozen=True, slots=True)
class Write:
    """The messages of one decision, or of several that form a chain: stored all or none, one behind the other.

    At least one of them guards its own subject, so that of several copies sent at most one is stored. A stored copy is
    known as ours by the ``ce-requestid`` of that message; ``request_id`` is that of the decision, the first of a chain.
    """

    partition: int
    request_id: str
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """A message of the log as its leader holds it."""

    subject: str
    sequence: int
    headers: Mapping[str, str]
    body: bytes


class LogError(Exception):
    """What an append or a read of the log may raise."""


class RefusedError(LogError):
    """A guard did not hold, certainly: nothing of the write is stored and nothing of it ever will be.

    ``subject`` is the guarded subject and ``last`` the sequence of its last message, so far as they are known.
    """

    def __init__(self, subject: str, last: int) -> None:
        super().__init__(f"the last message of {subject} has sequence {last}")
        self.subject = subject
        self.last = last


class UnavailableError(LogError):
    """The log gave no answer before the deadline: whether the write is stored is not known, and may change yet."""


class TooLargeError(LogError):
    """A message is larger than the log takes; nothing was sent."""

    def __init__(self, subject: str, size: int, largest: int) -> None:
        super().__init__(f"the message to {subject} has {size} bytes with its headers; the log takes {largest}")
        self.size = size
        self.largest = largest


class EventLog(Protocol):
    """The partitions of the log; every read is answered by the partition's stream leader."""

    async def append(self, write: Write, *, deadline: float) -> int:
        """Store a write; return the sequence of its last message.

        ``deadline`` is a time of the event loop's clock, in seconds. Raises ``RefusedError``,
        ``UnavailableError`` or ``TooLargeError``. A caller that is cancelled does not cancel the write.
        """

    async def last(self, partition: int, subject: str) -> Stored | None:
        """Return the last message on a subject, ``None`` where there is none; raises ``UnavailableError``."""

    async def at(self, partition: int, sequence: int) -> Stored | None:
        """Return the message with a sequence, ``None`` where there is none; raises ``UnavailableError``."""

    async def head(self, partition: int) -> int:
        """Return a partition's last sequence as of some moment after the call; raises ``UnavailableError``."""
