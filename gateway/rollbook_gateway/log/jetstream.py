"""The event log on NATS JetStream, one stream for each partition; built by the composition roots."""

from functools import partial
from typing import Final

from rollbook_gateway.log.coalescer import Limits
from rollbook_gateway.log.connection import Connection
from rollbook_gateway.log.guards import check_write
from rollbook_gateway.log.identity import Extent
from rollbook_gateway.log.lane import Lane
from rollbook_gateway.log.port import Stored, Write
from rollbook_gateway.log.proof import Proof
from rollbook_gateway.log.reads import LeaderReads
from rollbook_gateway.log.shared_question import SharedQuestion
from rollbook_gateway.log.wire import Wire

_ELECTION: Final = 15.0
"""Seconds in which a stream that was just made has a leader."""


class JetStreamEventLog:
    """Appends through one lane a partition, reads from the leaders; streams exist already."""

    def __init__(self, connection: Connection, partitions: int, limits: Limits = Limits()) -> None:  # noqa: B008  # frozen
        self._wire = Wire(connection)
        self._partitions = partitions
        self._limits = limits
        self._lanes: list[Lane] = []

    async def open(self) -> None:
        """Begin to listen for answers; before this nothing can be asked. Raises ``UnavailableError``.

        Whether the streams have replicas is asked here, once: on one server nothing is added to a read.
        """
        await self._wire.open()
        info = await LeaderReads(self._wire, _ELECTION).info(0)
        replicated = info.config["num_replicas"] > 1
        unproven = LeaderReads(self._wire)
        proof = Proof(unproven, self._partitions)
        self._reads = LeaderReads(self._wire, leadership=proof) if replicated else unproven
        self._lanes = [
            Lane(self._wire, self._reads, self._limits, replicated=replicated) for _ in range(self._partitions)
        ]
        extent = proof.extent if replicated else unproven.extent
        self._extents = [SharedQuestion(partial(extent, partition)) for partition in range(self._partitions)]

    async def close(self) -> None:
        """Wait for the writes under way, then stop listening; the connection stays its owner's."""
        for lane in self._lanes:
            await lane.drain()
        await self._wire.close()

    async def append(self, write: Write, *, deadline: float) -> int:
        check_write(write)
        return await self._lanes[write.partition].append(write, deadline)

    async def last(self, partition: int, subject: str) -> Stored | None:
        return await self._reads.last(partition, subject)

    async def at(self, partition: int, sequence: int) -> Stored | None:
        return await self._reads.at(partition, sequence)

    async def extent(self, partition: int) -> Extent:
        return await self._extents[partition].ask()

    async def head(self, partition: int) -> int:
        return (await self._extents[partition].ask()).last
