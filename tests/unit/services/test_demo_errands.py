"""Errands in their usual order, and shuffled as far as cause allows."""

import asyncio
from collections import defaultdict
from functools import partial
from random import Random

import pytest

from rollbook.demo.errands import Errand, Runner
from rollbook.errors import CommandError


class Diary:
    """Errands that put down when they were run."""

    def __init__(self) -> None:
        self.run: list[tuple[str, int, int]] = []
        self.in_flight: set[tuple[str, int]] = set()

    async def note(self, kind: str, number: int, phase: int) -> None:
        assert (kind, number) not in self.in_flight, "two errands on one resource at once"
        self.in_flight.add((kind, number))
        await asyncio.sleep(0)
        self.in_flight.discard((kind, number))
        self.run.append((kind, number, phase))

    def phases(self) -> list[list[Errand]]:
        return [
            [Errand((kind, number), partial(self.note, kind, number, phase)) for number in range(20)]
            for phase, kind in enumerate(("user", "group", "group", "user"))
        ]


async def test_phases_follow_each_other() -> None:
    """None begins before the one before it has ended."""
    diary, told = Diary(), list[tuple[int, int]]()
    await Runner(4, lambda done, total: told.append((done, total)), 80).run(diary.phases())
    assert [phase for _, _, phase in diary.run] == sorted([0, 1, 2, 3] * 20)
    assert told == [(done, 80) for done in range(1, 81)]


@pytest.mark.parametrize("seed", range(5))
async def test_shuffled_errands_keep_the_order_of_each_resource(seed: int) -> None:
    """And run all, each once, in another order than the usual."""
    diary = Diary()
    await Runner(4, lambda _done, _total: None, 80, Random(seed)).run(diary.phases())
    of_resource = defaultdict[tuple[str, int], list[int]](list)
    for kind, number, phase in diary.run:
        of_resource[kind, number].append(phase)
    assert len(diary.run) == 80
    assert all(phases == ([0, 3] if kind == "user" else [1, 2]) for (kind, _), phases in of_resource.items())
    first_half = {phase for _, _, phase in diary.run[:40]}
    assert first_half == {0, 1, 2, 3}


async def test_a_refusal_ends_all() -> None:
    """As it does in the usual order."""

    async def refuse() -> None:
        raise CommandError("no")

    with pytest.raises(CommandError, match="no"):
        await Runner(4, lambda _done, _total: None, 1, Random(1)).run([[Errand(("user", 1), refuse)]])
