"""The event log in memory: for tests of what stands on the port; it passes the same behaviour suite as JetStream."""

import asyncio
from collections import defaultdict

from rollbook_gateway.log.guards import check_write, guards
from rollbook_gateway.log.port import RefusedError, Stored, UnavailableError, Write


class MemoryEventLog:
    """Partitions as lists; ``available`` set to false makes every call fail as if the servers were away."""

    def __init__(self, partitions: int) -> None:
        self.available = True
        self._messages: list[list[Stored]] = [[] for _ in range(partitions)]
        self._last: list[defaultdict[str, int]] = [defaultdict(int) for _ in range(partitions)]

    async def append(self, write: Write, *, deadline: float) -> int:  # noqa: ARG002  # it answers at once or never
        check_write(write)
        self._require_available()
        outcome = self._store(write)
        await asyncio.sleep(0)  # who is cancelled here has written all the same
        if isinstance(outcome, RefusedError):
            raise outcome
        return outcome

    def _store(self, write: Write) -> int | RefusedError:
        messages, last = self._messages[write.partition], self._last[write.partition]
        for subject, expected in guards(write):
            if last[subject] != expected:
                return RefusedError(subject, last[subject])
        for message in write.messages:
            messages.append(Stored(message.subject, len(messages) + 1, message.headers, message.body))
            last[message.subject] = len(messages)
        return len(messages)

    async def last(self, partition: int, subject: str) -> Stored | None:
        await self._answer()
        return self._at(partition, self._last[partition][subject])

    async def at(self, partition: int, sequence: int) -> Stored | None:
        await self._answer()
        return self._at(partition, sequence)

    async def head(self, partition: int) -> int:
        await self._answer()
        return len(self._messages[partition])

    async def holds(self, partition: int, sequence: int, created: str) -> bool:  # noqa: ARG002  # there is but one log
        """Tell whether a sequence is there."""
        await self._answer()
        return sequence <= len(self._messages[partition])

    def _at(self, partition: int, sequence: int) -> Stored | None:
        messages = self._messages[partition]
        return messages[sequence - 1] if 0 < sequence <= len(messages) else None

    async def _answer(self) -> None:
        await asyncio.sleep(0)  # a caller meets here whatever runs beside it, as it would with a server
        self._require_available()

    def _require_available(self) -> None:
        if not self.available:
            raise UnavailableError("the log in memory was told to be unavailable")
