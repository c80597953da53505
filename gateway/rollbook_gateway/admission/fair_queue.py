"""A queue that is fair between flows: who may go on at once, who waits, and whose turn is next; pure."""

from collections.abc import Hashable
from typing import Generic, TypeVar

from rollbook_gateway.admission.rotation import Rotation

Waiting = TypeVar("Waiting")


class FairQueue(Generic[Waiting]):
    """Lets ``capacity`` go at once, and of each flow ``guaranteed`` whatever the others do, up to ``most`` in all.

    Those who wait go in the order in which they came within their flow; flows take turns, one each. Flows with less
    than they are guaranteed have the first turns; there are some only while ``most`` are under way.
    """

    def __init__(self, capacity: int, guaranteed: int, most: int) -> None:
        self._capacity = capacity
        self._guaranteed = guaranteed
        self._most = most
        self._total = 0
        self._running: dict[Hashable, int] = {}
        self._rotation: Rotation[Waiting] = Rotation()
        self._owed: dict[Hashable, None] = {}
        """The flows that wait with less than they are guaranteed, in the order of their turns."""

    @property
    def idle(self) -> bool:
        """Whether nobody runs and nobody waits."""
        return not self._running and not self._rotation

    def enter(self, flow: Hashable) -> bool:
        """Say whether one more of a flow may go on at once; if so it counts until it leaves."""
        running = self._running.get(flow, 0)
        if self._total >= self._capacity and (
            self._total >= self._most or running >= self._guaranteed or flow in self._rotation
        ):
            return False
        self._running[flow] = running + 1
        self._total += 1
        return True

    def wait(self, flow: Hashable, waiting: Waiting) -> None:
        """Have one wait who could not enter."""
        self._rotation.put(flow, waiting)
        self._note_owed(flow)

    def leave(self, flow: Hashable) -> Waiting | None:
        """Take one away who went on, and return who may go on in its place; that one counts from now on."""
        running = self._running[flow] - 1
        if running:
            self._running[flow] = running
        else:
            del self._running[flow]
        self._total -= 1
        self._note_owed(flow)
        if self._owed:
            next_flow = next(iter(self._owed))
            del self._owed[next_flow]
            waiting = self._rotation.take_from(next_flow)
        elif self._total < self._capacity and self._rotation:
            next_flow, waiting = self._rotation.take()
        else:
            return None
        self._running[next_flow] = self._running.get(next_flow, 0) + 1
        self._total += 1
        self._note_owed(next_flow)
        return waiting

    def _note_owed(self, flow: Hashable) -> None:
        if flow in self._rotation and self._running.get(flow, 0) < self._guaranteed:
            self._owed.setdefault(flow)
