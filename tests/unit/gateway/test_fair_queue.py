"""The fair queue and the gate: laws over any coming and going, and requests that give up."""

import asyncio
from collections import defaultdict, deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollbook_gateway.admission.fair_queue import FairQueue
from rollbook_gateway.admission.gate import Gate

steps = st.lists(st.tuples(st.booleans(), st.sampled_from("abcd")), max_size=300)


class Model:
    """A queue, and beside it who runs and who waits."""

    def __init__(self, capacity: int, guaranteed: int, most: int = 100) -> None:
        self.queue: FairQueue[tuple[str, int]] = FairQueue(capacity, guaranteed, most)
        self.running: dict[str, int] = defaultdict(int)
        self.waiting: dict[str, deque[int]] = defaultdict(deque)
        self.granted: list[str] = []
        self.count = 0

    def come(self, flow: str) -> None:
        if self.queue.enter(flow):
            self.running[flow] += 1
            return
        self.count += 1
        self.queue.wait(flow, (flow, self.count))
        self.waiting[flow].append(self.count)

    def go(self, flow: str) -> None:
        self.running[flow] -= 1
        if (following := self.queue.leave(flow)) is not None:
            granted, number = following
            assert self.waiting[granted].popleft() == number, "within a flow: in the order in which they came"
            self.running[granted] += 1
            self.granted.append(granted)

    @property
    def total(self) -> int:
        return sum(self.running.values())


@given(steps, st.integers(1, 6), st.integers(1, 3), st.integers(0, 10))
def test_laws_of_the_queue(steps: list[tuple[bool, str]], capacity: int, guaranteed: int, more: int) -> None:
    """Nobody waits while there is room, each flow has what it is guaranteed unless too many run, and no more run."""
    most = capacity + more
    model = Model(capacity, guaranteed, most)
    for comes, flow in steps:
        if comes:
            model.come(flow)
        elif model.running[flow]:
            model.go(flow)
        waiting = {name for name, numbers in model.waiting.items() if numbers}
        assert not waiting or model.total >= capacity
        assert model.total == most or all(model.running[name] >= guaranteed for name in waiting)
        assert model.total <= min(most, capacity + guaranteed * 4)
    for flow in "abcd" * (len(steps) + 1):
        if model.running[flow]:
            model.go(flow)
    assert model.total == 0
    assert model.queue.idle


def test_a_burst_of_one_lets_others_take_turns() -> None:
    """However many of one flow wait, those of another get every second turn."""
    model = Model(capacity=2, guaranteed=1)
    for _ in range(100):
        model.come("a")
    for _ in range(10):
        model.come("b")
    for _ in range(18):
        model.go("a" if model.running["a"] > 1 else "b")
    assert model.granted.count("b") == 9


def test_a_newcomer_never_waits_for_those_that_stand_still() -> None:
    """Where all room is taken by requests that do not end, another flow is answered all the same."""
    model = Model(capacity=4, guaranteed=2)
    for _ in range(100):
        model.come("a")
    model.come("b")
    model.come("b")
    assert model.running["b"] == 2


def test_a_thousand_flows_take_turns_too() -> None:
    """However many flows there are, so many run at once, each of the others comes next, in the order of coming."""
    model = Model(capacity=4, guaranteed=2, most=8)
    flows = [f"flow {place}" for place in range(1000)]
    for flow in flows:
        model.come(flow)
    assert model.total == 8
    for flow in flows:
        model.come(flow)
        model.go(flow)
        assert model.total == 8
    assert model.granted[: len(flows) - 8] == flows[8:]


async def test_a_turn_that_nobody_waits_for_any_more_goes_to_the_next() -> None:
    """Requests that were given up, before their turn or just after it came, take no room with them."""
    gate = Gate(capacity=1, guaranteed=1)
    assert gate.try_enter("a")
    assert not gate.try_enter("a")
    first, second, third = (asyncio.create_task(gate.enter_in_turn("a")) for _ in range(3))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)

    gate.leave("a")
    second.cancel()
    async with asyncio.timeout(1):
        await third
    for given_up in (first, second):
        with pytest.raises(asyncio.CancelledError):
            await given_up
    assert not gate.try_enter("a")
    gate.leave("a")
    assert gate.try_enter("a")
