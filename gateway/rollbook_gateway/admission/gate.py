"""The gate that every admitted request passes before its body is read: there a burst waits, and lets others by."""

import asyncio
from collections.abc import Hashable
from typing import Final

from rollbook_gateway.admission.fair_queue import FairQueue

CAPACITY: Final = 64
"""Requests worked on at once: as many as fill the log's batches, and no more than a newcomer can wait for."""
GUARANTEED: Final = 4
"""Requests of each flow that do not wait for those of others, even where these stand still."""
MOST: Final = 128
"""Requests worked on at once in all, however many flows there are: more of them would wait for the log together, and
longer than a write may."""


class Gate:
    """Fair between flows, which are a tenant's lists and its other requests; who need not wait pays next to nothing."""

    def __init__(self, capacity: int = CAPACITY, guaranteed: int = GUARANTEED, most: int = MOST) -> None:
        self._queue: FairQueue[tuple[Hashable, asyncio.Future[None]]] = FairQueue(capacity, guaranteed, most)

    def try_enter(self, flow: Hashable) -> bool:
        """Pass if that is possible at once; otherwise ``enter_in_turn`` waits for it."""
        return self._queue.enter(flow)

    async def enter_in_turn(self, flow: Hashable) -> None:
        """Wait, then pass; after ``try_enter`` refused."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.wait(flow, (flow, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.leave(flow)
            raise

    def leave(self, flow: Hashable) -> None:
        """Make room for the next who still waits."""
        while (next_in_turn := self._queue.leave(flow)) is not None:
            flow, turn = next_in_turn
            if not turn.cancelled():
                turn.set_result(None)
                return
