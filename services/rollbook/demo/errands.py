"""A provider's requests in their usual order, or shuffled as far as cause allows; the plays are made of them."""

from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random

from rollbook.demo.result import Progress
from rollbook.wire import in_parallel


@dataclass(frozen=True, slots=True)
class Errand:
    """Something to do about one person or group."""

    resource: tuple[str, int]
    run: Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Runner:
    """Runs errands, several at once, and tells of their progress; ``shuffled`` is what chance they are played by."""

    callers: int
    progress: Progress
    total: int
    shuffled: Random | None = None
    done: int = 0

    async def run(self, phases: Sequence[Sequence[Errand]]) -> None:
        """Run one phase after the other; or, shuffled, all at once, in order only where they are on one resource."""
        if self.shuffled is None:
            for phase in phases:
                await in_parallel(phase, self._one, callers=self.callers)
        else:
            await self._in_random_order((errand for phase in phases for errand in phase), self.shuffled)

    async def _in_random_order(self, errands: Iterable[Errand], random: Random) -> None:
        waiting = defaultdict[tuple[str, int], deque[Errand]](deque)
        for errand in errands:
            waiting[errand.resource].append(errand)
        idle = list(waiting)

        async def caller(_: int) -> None:
            while idle:
                position = random.randrange(len(idle))
                idle[position], idle[-1] = idle[-1], idle[position]
                resource = idle.pop()
                await self._one(waiting[resource].popleft())
                if waiting[resource]:
                    idle.append(resource)

        await in_parallel(range(self.callers), caller, callers=self.callers)

    async def _one(self, errand: Errand) -> None:
        await errand.run()
        self.done += 1
        self.progress(self.done, self.total)
