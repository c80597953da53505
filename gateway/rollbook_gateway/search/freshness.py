"""Read your writes: a search answers only from a table that holds all that was accepted before the request."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from nats.aio.client import Client
from nats.aio.msg import Msg

from rollbook_contracts import subjects
from rollbook_gateway.search.errors import StaleError

POLL_SECONDS: Final = 0.1
"""How long a notice is waited for before the table is asked without one: core NATS may lose it."""


@dataclass(frozen=True, slots=True)
class Proof:
    """How far the table is, read in the snapshot of the rows; ``applied`` is ``None`` before the first checkpoint.

    ``created`` is when the log was made whose sequence ``applied`` is.
    """

    applied: int | None
    halted: str | None
    created: str | None

    def reaches(self, target: int) -> bool:
        """Tell whether the rows hold all up to a sequence, and the partition does not stand still."""
        return self.halted is None and self.applied is not None and self.applied >= target


class Heads(Protocol):
    """What a search asks of the log."""

    async def head(self, partition: int) -> int:
        """Return a partition's last sequence as of some moment after the call; raises ``UnavailableError``."""

    async def holds(self, partition: int, sequence: int, created: str) -> bool:
        """Tell whether the log was made at ``created`` and holds a sequence; raises ``UnavailableError``."""


class CheckpointNotices(Protocol):
    """Wake-ups when a partition's checkpoint moves: never proof of anything."""

    def upcoming(self, partition: int) -> "asyncio.Future[int]":
        """Return the next notice of a partition, which will hold the sequence applied; not to be cancelled."""


class NatsCheckpointNotices:
    """The projector's notices on core NATS."""

    def __init__(self) -> None:
        self._upcoming: dict[int, asyncio.Future[int]] = {}

    @classmethod
    @asynccontextmanager
    async def subscribed(cls, client: Client, partitions: int) -> "AsyncIterator[NatsCheckpointNotices]":
        """Listen to all partitions for as long as the block lasts."""
        notices = cls()
        subscriptions = [
            await client.subscribe(subjects.checkpoint_notice(partition), cb=notices.listener(partition))
            for partition in range(partitions)
        ]
        try:
            yield notices
        finally:
            if client.is_connected:
                for subscription in subscriptions:
                    await subscription.unsubscribe()

    def upcoming(self, partition: int) -> "asyncio.Future[int]":
        future = self._upcoming.get(partition)
        if future is None:
            future = self._upcoming[partition] = asyncio.get_running_loop().create_future()
        return future

    def listener(self, partition: int) -> Callable[[Msg], Awaitable[None]]:
        """Return what is called with each message of a partition."""

        async def listen(message: Msg) -> None:
            future = self._upcoming.pop(partition, None)
            if future is not None:
                future.set_result(int(message.data) if message.data.isdigit() else 0)

        return listen


_Read = TypeVar("_Read")


async def read_fresh(
    read: Callable[[], Awaitable[tuple[Proof, _Read]]],
    *,
    heads: Heads,
    partition: int,
    target: int,
    notices: CheckpointNotices,
    until: float,
) -> _Read:
    """Read until the proof reaches ``target``, a head of the log asked for after the request came in.

    Raises ``StaleError`` at ``until`` (a time of the event loop), and at once where waiting does not help.
    """
    loop = asyncio.get_running_loop()
    while True:
        upcoming = notices.upcoming(partition)  # asked for before the snapshot, so that none falls in between
        proof, found = await read()
        if proof.halted is not None:
            raise StaleError(f"partition {partition} stands still: {proof.halted}")
        if proof.reaches(target):
            # A checkpoint beyond the log, or of another one, is no proof: the log was put back.
            if await heads.holds(partition, proof.applied or 0, proof.created or ""):
                return found
            raise StaleError(f"partition {partition} is applied up to {proof.applied}, which is not of this log")
        now = loop.time()
        if now >= until:
            raise StaleError(f"partition {partition} is applied up to {proof.applied}, wanted {target}")
        await _notice(notices, partition, upcoming, target=target, until=min(until, now + POLL_SECONDS))


async def _notice(
    notices: CheckpointNotices, partition: int, upcoming: "asyncio.Future[int]", *, target: int, until: float
) -> None:
    """Wait for a notice of ``target`` or of what lies behind it, but not beyond ``until``."""
    loop = asyncio.get_running_loop()
    while (left := until - loop.time()) > 0:
        await asyncio.wait((upcoming,), timeout=left)
        if not upcoming.done() or upcoming.result() >= target:
            return
        upcoming = notices.upcoming(partition)
