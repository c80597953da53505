"""Whether a partition's leader still leads: on a cluster no answer of the log counts before this is known.

NATS answers reads without asking anybody: a leader that is cut off from the others goes on answering, from a log that
ends where it was cut off. So each read stands between deletions of nothing, which take a majority of the servers. They
leave no message in the stream, and whoever waits at the same time shares one.
"""

import asyncio
from functools import partial
from typing import Final

from rollbook_gateway.log.identity import Extent
from rollbook_gateway.log.port import UnavailableError
from rollbook_gateway.log.reads import UNCONFIRMED, LeaderReads
from rollbook_gateway.log.shared_question import SharedQuestion

PATIENCE: Final = 2.0
_RECENT: Final = 2.0
"""Seconds for which a deletion counts as one before a read. Followers that took it elect nobody else for four."""


class Proof:
    """Asks for the leaders of all partitions of a log whose streams have replicas."""

    def __init__(self, reads: LeaderReads, partitions: int) -> None:
        self._reads = reads
        self._deletions = [SharedQuestion(partial(self._delete_nothing, number)) for number in range(partitions)]
        self._reached = [float("-inf")] * partitions
        """When the last deletion that came through was begun."""

    async def before(self, partition: int) -> None:
        """Return once a leader has reached a majority, a moment ago or since the call; raises ``UnavailableError``.

        Without it a read could be answered within a cut, and the deletion behind it carried out after the cut, by
        another leader whom the read never reached.
        """
        if asyncio.get_running_loop().time() - self._reached[partition] > _RECENT:
            await self.after(partition)

    async def after(self, partition: int) -> None:
        """Return once a leader has reached a majority since the call; raises ``UnavailableError``.

        For a moment after a cut two servers may answer. The one that reaches a majority has answered a read that was
        sent before, so that both answers are there.
        """
        await self._deletions[partition].ask()

    async def extent(self, partition: int) -> Extent:
        """Return when the stream was made, and its last sequence, by a server that reached a majority since the call.

        STREAM.INFO goes another way through the server than reads and deletions, so that it may come behind a deletion
        that was sent later. But it says itself how long ago its server reached a majority.
        """
        clock = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    began = clock()
                    await self.after(partition)
                    sent = clock()
                    info = await self._reads.info(partition)
                    if info.since_majority() <= sent - began:
                        return info.extent
        except TimeoutError:
            raise UnavailableError(UNCONFIRMED) from None

    async def _delete_nothing(self, partition: int) -> None:
        began = asyncio.get_running_loop().time()
        await self._reads.delete_nothing(partition)
        self._reached[partition] = began
