"""A queue that is fair between flows: who may go on at once, who waits, and whose turn is next; pure."""

from collections.abc import Hashable
from typing import Generic, TypeVar

from rollbook_gateway.admission.rotation import Rotation

Waiting = TypeVar("Waiting")


class FairQueue(Generic[Waiting]):
    """Lets ``capacity`` go at once, and of each flow at least ``guaranteed`` whatever the others do.

    Those who wait go in the order in which they came within their flow; flows take turns, one each.
    """

    def __init__(self, capacity: int, guaranteed: int) -> None:
        self._capacity = capacity
        self._guaranteed = guaranteed
        self._total = 0
        self._running: dict[Hashable, int] = {}
        self._rotation: Rotation[Waiting] = Rotation()

    @property
    def idle(self) -> bool:
        """Whether nobody runs and nobody waits."""
        return not self._running and not self._rotation

    def enter(self, flow: Hashable) -> bool:
        """Say whether one more of a flow may go on at once; if so it counts until it leaves."""
        running = self._running.get(flow, 0)
        if self._total >= self._capacity and (running >= self._guaranteed or flow in self._rotation):
            return False
        self._running[flow] = running + 1
        self._total += 1
        return True

    def wait(self, flow: Hashable, waiting: Waiting) -> None:
        """Have one wait who could not enter."""
        self._rotation.put(flow, waiting)

    def leave(self, flow: Hashable) -> Waiting | None:
        """Take one away who went on, and return who may go on in its place; that one counts from now on."""
        running = self._running[flow] - 1
        if running:
            self._running[flow] = running
        else:
            del self._running[flow]
        self._total -= 1
        if running < self._guaranteed and flow in self._rotation:
            next_flow, waiting = flow, self._rotation.take_from(flow)
        elif self._total < self._capacity and self._rotation:
            next_flow, waiting = self._rotation.take()
        else:
            return None
        self._running[next_flow] = self._running.get(next_flow, 0) + 1
        self._total += 1
        return waiting
