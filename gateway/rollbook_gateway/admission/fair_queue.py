"""A queue that is fair between flows: who may go on at once, who waits, and whose turn is next; pure."""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Waiting = TypeVar("Waiting")


@dataclass(slots=True)
class _Flow(Generic[Waiting]):
    running: int = 0
    waiting: deque[Waiting] = field(default_factory=deque)


class FairQueue(Generic[Waiting]):
    """Lets ``capacity`` go at once, and of each flow at least ``guaranteed`` whatever the others do.

    Those who wait go in the order in which they came within their flow; flows take turns, one each.
    """

    def __init__(self, capacity: int, guaranteed: int) -> None:
        self._capacity = capacity
        self._guaranteed = guaranteed
        self._running = 0
        self._flows: dict[Hashable, _Flow[Waiting]] = {}
        self._turns: deque[Hashable] = deque()
        """The flows in which somebody waits, each once, the next one first."""

    @property
    def idle(self) -> bool:
        """Whether nobody runs and nobody waits."""
        return not self._flows

    def enter(self, flow: Hashable) -> bool:
        """Say whether one more of a flow may go on at once; if so it counts until it leaves."""
        found = self._flows.get(flow)
        if found is None:
            found = self._flows[flow] = _Flow()
        if found.waiting or (self._running >= self._capacity and found.running >= self._guaranteed):
            return False
        found.running += 1
        self._running += 1
        return True

    def wait(self, flow: Hashable, waiting: Waiting) -> None:
        """Have one wait who could not enter."""
        found = self._flows[flow]
        if not found.waiting:
            self._turns.append(flow)
        found.waiting.append(waiting)

    def leave(self, flow: Hashable) -> list[Waiting]:
        """Take one away who went on, and return those who may go on in their place; they count from now on."""
        left = self._flows[flow]
        left.running -= 1
        self._running -= 1
        if left.waiting and left.running < self._guaranteed:
            self._turns.remove(flow)
            return [self._next(flow, left)]
        if not left.running and not left.waiting:
            del self._flows[flow]
        if not self._turns or self._running >= self._capacity:
            return []
        next_flow = self._turns.popleft()
        return [self._next(next_flow, self._flows[next_flow])]

    def _next(self, name: Hashable, flow: _Flow[Waiting]) -> Waiting:
        flow.running += 1
        self._running += 1
        found = flow.waiting.popleft()
        if flow.waiting:
            self._turns.append(name)
        return found
