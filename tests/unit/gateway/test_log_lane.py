"""What one lane asks of the server, and what it spares it; gateway/rollbook_gateway/log/lane.py."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from itertools import repeat
from typing import cast

import pytest

from rollbook_gateway.log.coalescer import Limits
from rollbook_gateway.log.lane import Lane
from rollbook_gateway.log.memory import MemoryEventLog
from rollbook_gateway.log.port import RefusedError, Stored, UnavailableError
from rollbook_gateway.log.read_back import settle
from rollbook_gateway.log.reads import LeaderReads
from rollbook_gateway.log.wire import Wire
from support.fake_wire import FakeWire, Fault
from support.writes import claim, conditional, user, write


class HeldWire(FakeWire):
    """A server that takes its time over the first publish."""

    def __init__(self, faults: Iterator[Fault]) -> None:
        super().__init__(faults)
        self.holds, self.released = asyncio.Event(), asyncio.Event()

    async def ask(self, framed: Callable[[bytes], bytes], within: float, ahead: Iterable[bytes] = ()) -> bytes:
        if not self.holds.is_set():
            self.holds.set()
            await self.released.wait()
        return await super().ask(framed, within, ahead)


@asynccontextmanager
async def lane_of(fault: Fault = "none", times: int = 0) -> AsyncIterator[tuple[Lane, FakeWire]]:
    """Lend a lane and the server it talks to, whose first publishes meet a fault."""
    fake = FakeWire(repeat(fault, times))
    wire = cast("Wire", fake)
    lane = Lane(wire, LeaderReads(wire, patience=0.1), Limits(attempt=0.05))
    yield lane, fake
    await lane.drain()


def soon(seconds: float = 5.0) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_writes_that_wait_together_go_together() -> None:
    """What arrives at once is one batch; what arrives while it is under way is the next."""
    async with lane_of() as (lane, server):
        first = [asyncio.create_task(lane.append(write((user(), 0), (claim(), 0)), soon())) for _ in range(10)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        second = [asyncio.create_task(lane.append(write((user(), 0), (claim(), 0)), soon())) for _ in range(10)]

        assert [2 * number for number in range(1, 21)] == await asyncio.gather(*first, *second)
        assert server.publishes == 2


async def test_single_messages_go_as_they_come_and_a_batch_waits_for_them() -> None:
    """A change does not wait for another one's answer; a creation goes when nothing is under way, and is not passed."""
    fake = HeldWire(repeat("none"))
    wire = cast("Wire", fake)
    lane = Lane(wire, LeaderReads(wire, patience=0.1), Limits())
    held = asyncio.create_task(lane.append(write((user(), 0)), soon()))
    await fake.holds.wait()

    assert await lane.append(write((user(), 0)), soon()) == 1
    creation = asyncio.create_task(lane.append(write((user(), 0), (claim(), 0)), soon()))
    later = asyncio.create_task(lane.append(write((user(), 0)), soon()))
    for _ in range(20):  # turns of the loop in which they could have gone
        await asyncio.sleep(0)
    assert (held.done(), creation.done(), later.done()) == (False, False, False)

    fake.released.set()
    assert [*await asyncio.gather(held, creation, later)] == [2, 4, 5]
    await lane.drain()


async def test_losers_in_the_same_process_are_not_sent() -> None:
    """Of a hundred who want one value one goes to the server; the rest are refused by what it answered."""
    async with lane_of() as (lane, server):
        value = claim()

        outcomes = await asyncio.gather(
            *(lane.append(write((value, 0), (user(), 0)), soon()) for _ in range(100)), return_exceptions=True
        )

        assert outcomes[0] == 2
        assert {(value, 1)} == {(each.subject, each.last) for each in outcomes[1:] if isinstance(each, RefusedError)}
        assert server.publishes == 1


async def test_refusal_without_a_reason_is_no_refusal() -> None:
    """10164 alone condemns nobody: batches become smaller until the race of another process is over."""
    async with lane_of("no number", 6) as (lane, server):
        stored = await asyncio.gather(*(lane.append(write((user(), 0), (claim(), 0)), soon()) for _ in range(8)))

        assert len(set(stored)) == 8
        assert len(server.messages) == 16


async def test_caller_hears_at_the_deadline_and_nothing_more_is_sent() -> None:
    """While the server is away the write waits; its deadline ends both, the waiting and the sending."""
    async with lane_of("not sent", 1000) as (lane, server):
        with pytest.raises(UnavailableError, match="not confirmed in time: not sent"):
            await lane.append(write((user(), 0)), soon(0.1))
        await lane.drain()
        sent = server.publishes
        await asyncio.sleep(0.05)

        assert sent == server.publishes
        assert server.messages == []


async def test_cancelled_caller_leaves_no_write_behind_for_ever() -> None:
    """The write of a caller that is gone is tried until its deadline, and then given up like any other."""
    async with lane_of("not sent", 1000) as (lane, server):
        caller = asyncio.create_task(lane.append(write((user(), 0)), soon(0.1)))
        await asyncio.sleep(0)
        caller.cancel()

        async with asyncio.timeout(2):
            await lane.drain()

        assert server.publishes > 0


async def test_lane_survives_a_mistake_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody foresaw leaves its writes in doubt, and they are settled like any in doubt."""
    async with lane_of() as (lane, server):
        monkeypatch.setattr("rollbook_gateway.log.lane.interpret", lambda _: 1 / 0)
        pending = asyncio.create_task(lane.append(write((user(), 0), (claim(), 0)), soon()))
        while server.publishes < 2:  # noqa: ASYNC110  # the server tells nobody
            await asyncio.sleep(0)
        monkeypatch.undo()

        assert await pending == 2
        assert len(server.messages) == 2


async def test_copy_that_lands_during_the_read_back_is_no_refusal() -> None:
    """Who was stored just before the subject guarded beside moved is found, though nothing was there a moment ago."""
    log, written, left = MemoryEventLog(1), user(), user()
    doubtful = conditional((written, 0), (left, 0))

    class Reads:
        asked = 0

        async def last(self, partition: int, subject: str) -> Stored | None:
            return await self._answered(await log.last(partition, subject))

        async def after(self, partition: int, subject: str, sequence: int) -> Stored | None:
            assert sequence == 0
            last = await log.last(partition, subject)
            return await self._answered(await log.at(partition, last.sequence - 1) if last else None)

        async def _answered(self, found: Stored | None) -> Stored | None:
            self.asked += 1
            if self.asked == 1:
                await log.append(doubtful, deadline=0)
                await log.append(write((left, 0)), deadline=0)
            return found

    assert await settle(cast("LeaderReads", Reads()), doubtful) == 2
