"""The event log on NATS JetStream, one stream for each partition; built by the composition roots."""

from functools import partial

from rollbook_gateway.log.coalescer import Limits
from rollbook_gateway.log.connection import Connection
from rollbook_gateway.log.guards import check_write
from rollbook_gateway.log.heads import SharedHead
from rollbook_gateway.log.identity import Extent
from rollbook_gateway.log.lane import Lane
from rollbook_gateway.log.port import Stored, Write
from rollbook_gateway.log.reads import LeaderReads
from rollbook_gateway.log.wire import Wire


class JetStreamEventLog:
    """Appends through one lane a partition, reads from the leaders; streams exist already."""

    def __init__(self, connection: Connection, partitions: int, limits: Limits = Limits()) -> None:  # noqa: B008  # frozen
        self._wire = Wire(connection)
        self._reads = LeaderReads(self._wire)
        self._lanes = [Lane(self._wire, self._reads, limits) for _ in range(partitions)]
        self._heads = [SharedHead(partial(self._reads.head, partition)) for partition in range(partitions)]

    async def open(self) -> None:
        """Begin to listen for answers; before this nothing can be asked."""
        await self._wire.open()

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
        return await self._reads.extent(partition)

    async def head(self, partition: int) -> int:
        return await self._heads[partition].ask()
