"""The whole import: compare, apply, compare again, until nothing is left to do; called by `rollbook import`."""

import asyncio
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from rollbook.snapshot.applying import Gateway, Progress, Refusal, apply_steps
from rollbook.snapshot.comparison import Comparison, Wish, compare
from rollbook.snapshot.lines import Snapshot
from rollbook.snapshot.present import Present
from rollbook.snapshot.steps import Step

MOST_ROUNDS: Final = 20


class Tables(Protocol):
    """Reads the tables once they show everything that was answered before."""

    async def __call__(self) -> Present: ...


class Compared(NamedTuple):
    """A comparison, and the tables that it was made with."""

    comparison: Comparison
    present: Present


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

    async def compared(self) -> Compared:
        """Compare now, off the event loop, since there may be much to compare."""
        present = await self.tables()
        return Compared(await asyncio.to_thread(compare, self.snapshot, present, self.wish), present)

    async def run(self, gateway: Gateway, progress: Progress, first: Compared) -> Imported:
        """Apply what differs, and compare again, beginning with a comparison that was made already.

        A step that was refused because another had to come first (a name that somebody else was to give up) is worked
        out again and sent in the next round. The import ends when a round did nothing, or the same as the one before.
        """
        imported = Imported(last=first.comparison)
        now, previous = first, tuple[Step, ...]()
        for _ in range(MOST_ROUNDS):
            steps = now.comparison.steps
            if not steps or now.comparison.problems or steps == previous:
                break
            known = frozenset(now.present.people) | frozenset(now.present.groups)
            outcome = await apply_steps(gateway, steps, known, progress)
            imported.done += outcome.done
            imported.refused = outcome.refused
            previous, now = steps, await self.compared()
            imported.last = now.comparison
        return imported
