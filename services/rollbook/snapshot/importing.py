"""The whole import: compare, apply, compare again, until nothing is left to do; called by `rollbook import`."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from rollbook.snapshot.applying import Gateway, Outcome, Progress, Refusal, apply_steps
from rollbook.snapshot.comparison import Comparison, Wish, compare
from rollbook.snapshot.lines import Snapshot
from rollbook.snapshot.present import Present
from rollbook.snapshot.steps import Step

MOST_ROUNDS: Final = 20


class Tables(Protocol):
    """Reads the tables once they show everything that was answered before."""

    async def __call__(self) -> Present: ...


@dataclass(slots=True)
class Imported:
    """What was done in all, what was refused in the last round, and the comparison after it."""

    done: list[Step] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    last: Comparison = field(default_factory=Comparison)

    @property
    def complete(self) -> bool:
        """Whether the tables are now what the snapshot says."""
        return not self.last.steps and not self.last.problems


@dataclass(frozen=True, slots=True)
class Import:
    """One import: the snapshot, what to do with the rest, and how the tables are read."""

    snapshot: Snapshot
    wish: Wish
    tables: Tables

    async def comparison(self) -> tuple[Comparison, Present]:
        """Compare now; the tables' part is worked out off the event loop, since there may be much of it."""
        present = await self.tables()
        return await asyncio.to_thread(compare, self.snapshot, present, self.wish), present

    async def run(self, gateway: Gateway, progress: Progress, begin: Callable[[Comparison], bool]) -> Imported:
        """Apply what differs, and compare again; ``begin`` sees the first comparison and may refuse it.

        A step that was refused because another had to come first (a name that somebody else was to give up) is worked
        out again and sent in the next round. The import ends when a round did nothing, or the same as the one before.
        """
        imported = Imported()
        previous: tuple[Step, ...] = ()
        for _ in range(MOST_ROUNDS):
            imported.last, present = await self.comparison()
            if not previous and not begin(imported.last):
                return imported
            steps = imported.last.steps
            if not steps or imported.last.problems or steps == previous:
                return imported
            outcome = await self._apply(gateway, steps, present, progress)
            imported.done += outcome.done
            imported.refused = outcome.refused
            previous = steps
        return imported

    async def _apply(self, gateway: Gateway, steps: tuple[Step, ...], present: Present, progress: Progress) -> Outcome:
        known = frozenset(present.people) | frozenset(present.groups)
        return await apply_steps(gateway, steps, known, progress)
