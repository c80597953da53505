"""Whether the log is the one that was applied, and that this process wrote to; stands between a gateway and its log.

A store that was put back, or made anew, gives sequences out again. A checkpoint of the tables beyond its end proves
nothing, and what is written to it may be lost when an operator has dealt with it: until then nothing is asked of it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeAlias

import structlog

from rollbook_contracts.streams import provisioning
from rollbook_gateway.log.port import EventLog, LogError, Stored, UnavailableError, Write

CHECK_SECONDS: Final = 2.0
"""How often the log is compared with the checkpoints although nothing hints at a change."""
_PATIENCE: Final = 2.0
"""How long a read waits until the log is known to be the same: as long as reads wait for a leader."""
_PAUSE: Final = 0.05
ROOM: Final = 1024 * 1024
"""A stream that may take less than this is full: one message may be as large."""
MEMORY_SECONDS: Final = 10.0
"""How long a write that failed counts against readiness where none was stored since: then one may be tried again."""

_log = structlog.get_logger(__name__)


class LogRegressedError(UnavailableError):
    """The log is not the one that was applied: until an operator begins an epoch nothing is written or answered."""

    def __init__(self, trouble: str) -> None:
        super().__init__(f"{trouble}: the log was put back or replaced. `rollbook epoch start` is the way out.")


class Extent(NamedTuple):
    """When a partition's stream was made, its last sequence, and how many bytes it may still take (or ``None``)."""

    created: str
    last: int
    room: int | None = None


class FullError(UnavailableError):
    """The log takes no more: a stream is as large as it may become."""


class Place(NamedTuple):
    """A fact at its place in the log, and the identity of that log."""

    created: str
    epoch: int
    sequence: int
    fact: str


Checkpoints: TypeAlias = Callable[[], Awaitable[Mapping[int, Place] | None]]
"""Reads the last fact applied of each partition; ``None`` where the database gives no answer."""


class IdentifiedLog(EventLog, Protocol):
    """A log that says which one it is."""

    async def extent(self, partition: int) -> Extent:
        """Return a partition's identity and last sequence, as its leader has them; raises ``UnavailableError``."""


@dataclass(slots=True)
class _Partition:
    confirmed: bool = False
    """Whether it was compared since the connection was last interrupted: nobody swaps a store that is in use."""
    trouble: str = ""
    created: str = ""
    seen: int = 0
    """The highest sequence that the log was seen to hold since then."""
    mark: Place | None = None
    """The last fact of the log that the last comparison found there, whether it was applied or not."""
    room: int | None = None


class LogIdentity:
    """Compares the log with the checkpoints and with what this process saw of it before."""

    def __init__(self, log: IdentifiedLog, checkpoints: Checkpoints, partitions: int) -> None:
        self._log = log
        self._checkpoints = checkpoints
        self._partitions = [_Partition() for _ in range(partitions)]
        self._connections = 0
        self._checking: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()

    def interrupted(self) -> None:
        """Say that the connection was lost: what answers next may be another log."""
        self._connections += 1
        for known in self._partitions:
            known.confirmed, known.seen = False, 0
        self._woken.set()

    async def watch(self) -> None:
        """Compare every few seconds, and as soon as the connection was interrupted, until cancelled."""
        while True:
            self._woken.clear()
            await self.check()
            with suppress(TimeoutError):
                async with asyncio.timeout(CHECK_SECONDS):
                    await self._woken.wait()

    async def check(self) -> None:
        """Compare all partitions now; one whose leader does not answer stays as it is."""
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._check())
        await asyncio.shield(self._checking)

    async def require(self, partition: int, until: float) -> None:
        """Raise ``LogRegressedError`` where the log is another one, ``UnavailableError`` where that is not known."""
        known = self._partitions[partition]
        while not known.confirmed:
            await self.check()
            if not known.confirmed:
                if asyncio.get_running_loop().time() >= until:
                    raise UnavailableError(f"the leader of {provisioning(partition)} does not answer")
                await asyncio.sleep(_PAUSE)
        if known.trouble:
            raise LogRegressedError(f"partition {partition}: {known.trouble}")

    async def require_all(self, until: float) -> None:
        """Raise likewise for whichever partition is not in order."""
        for partition in range(len(self._partitions)):
            await self.require(partition, until)

    def require_room(self) -> None:
        """Raise ``FullError`` where the last comparison found a stream that may take no more."""
        for partition, known in enumerate(self._partitions):
            if known.room is not None and known.room < ROOM:
                stream = provisioning(partition)
                raise FullError(f"partition {partition}: stream {stream} is full, it may take {known.room} bytes more")

    async def saw(self, partition: int, sequence: int, until: float) -> None:
        """Take in that the log ends there; raises ``LogRegressedError`` where it reached further before."""
        known = self._partitions[partition]
        if sequence < known.seen:
            known.confirmed, known.seen = False, 0
            await self.require(partition, until)
        known.seen = max(known.seen, sequence)

    def has(self, partition: int, sequence: int, created: str) -> bool:
        """Tell whether the log was made at ``created`` and was seen to hold a sequence."""
        known = self._partitions[partition]
        return created == known.created and sequence <= known.seen

    async def _check(self) -> None:
        # The checkpoints first: what they say is applied was in the log before it is asked.
        applied = await self._checkpoints()
        checks = (
            self._compare(partition, (applied or {}).get(partition)) for partition in range(len(self._partitions))
        )
        await asyncio.gather(*checks)

    async def _compare(self, partition: int, applied: Place | None) -> None:
        known, connections = self._partitions[partition], self._connections
        try:
            extent = await self._log.extent(partition)
            trouble = await self._difference(partition, extent, applied, "applied was")
            # A new epoch is an operator's word that the log may be another one than this process knew.
            if not trouble and known.mark and (applied is None or applied.epoch <= known.mark.epoch):
                trouble = await self._difference(partition, extent, known.mark, "seen before was")
            if not trouble:
                epoch = applied.epoch if applied else known.mark.epoch if known.mark else 0
                last = await self._log.at(partition, extent.last)
                known.mark = Place(extent.created, epoch, extent.last, _fact(last)) if last else known.mark
        except LogError:
            return
        if connections != self._connections:
            return
        if trouble and trouble != known.trouble:
            _log.critical("log.regressed", partition=partition, reason=trouble)
        known.confirmed, known.trouble, known.created, known.room = True, trouble, extent.created, extent.room
        known.seen = 0 if trouble else max(known.seen, extent.last)

    async def _difference(self, partition: int, extent: Extent, place: Place | None, what: str) -> str:
        """Say in which way the log is not the one that holds a fact at its place; an empty text where it is."""
        if place is None:
            return ""
        stream = provisioning(partition)
        if extent.created != place.created:
            return f"stream {stream} was made {extent.created}, {what} {place.created}"
        if extent.last < place.sequence:
            return f"stream {stream} ends at {extent.last}, {what} {place.sequence}"
        if place.sequence == 0:
            return ""
        found = await self._log.at(partition, place.sequence)
        if found is None or _fact(found) != place.fact:
            there = "missing" if found is None else _fact(found)
            return f"message {place.sequence} of {stream} is {there}, {what} {place.fact}"
        return ""


class CheckedLog:
    """The event log, as long as it is the one that was applied: else each call raises ``LogRegressedError``."""

    def __init__(self, log: EventLog, identity: LogIdentity) -> None:
        self._log = log
        self._identity = identity
        self._failed: dict[int, tuple[float, UnavailableError]] = {}
        """By partition, when the last write failed and why, where none was stored since."""

    async def append(self, write: Write, *, deadline: float) -> int:
        await self._identity.require(write.partition, deadline)
        try:
            stored = await self._log.append(write, deadline=deadline)
        except UnavailableError as error:
            self._failed[write.partition] = (asyncio.get_running_loop().time(), error)
            raise
        self._failed.pop(write.partition, None)
        return stored

    async def last(self, partition: int, subject: str) -> Stored | None:
        await self._identity.require(partition, _soon())
        return await self._log.last(partition, subject)

    async def at(self, partition: int, sequence: int) -> Stored | None:
        await self._identity.require(partition, _soon())
        return await self._log.at(partition, sequence)

    async def head(self, partition: int) -> int:
        await self._identity.require(partition, _soon())
        head = await self._log.head(partition)
        await self._identity.saw(partition, head, _soon())
        return head

    async def holds(self, partition: int, sequence: int, created: str) -> bool:
        """Tell whether the log was made at ``created`` and holds a sequence: a checkpoint beyond it proves nothing."""
        if self._identity.has(partition, sequence, created):
            return True
        await self.head(partition)
        if self._identity.has(partition, sequence, created):
            return True
        await self._identity.check()
        await self._identity.require(partition, _soon())
        return self._identity.has(partition, sequence, created)

    async def ready(self) -> None:
        """Raise where a write would not be stored now, whichever partition it is of; no write is made for it."""
        await self._identity.require_all(_soon())
        self._identity.require_room()
        now = asyncio.get_running_loop().time()
        for at, error in self._failed.values():
            if now - at < MEMORY_SECONDS:
                raise error
        await self.head(0)


def _soon() -> float:
    return asyncio.get_running_loop().time() + _PATIENCE


def _fact(stored: Stored) -> str:
    return stored.headers.get("ce-id", "")
