"""Tenants share a gateway fairly: a burst of one is answered, and the others hardly notice."""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import aiohttp
import msgspec
import pytest

from bench.load import Job, Measured
from bench.rendering import Endpoint
from support.fleet import Fleet
from support.people import somebody
from support.scim import Scim

pytestmark = pytest.mark.timeout(180)

BURST = 2000
BURSTS = 3
"""One of them keeps the promise: in a hundred answers the machine's own pauses are the slowest one or two."""
PROMISED_SECONDS = 0.25
SLOWER = 8
"""On a machine that is busy with other things even a lone request takes long: then so many times that."""


async def burst(scim: Scim) -> Measured:
    """Send all requests at once, from a process of its own; return what it measured."""
    job = Job("create", Endpoint(scim.tenant_url, scim.token), BURST, limit=BURST)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.load"),
        env={"PATH": os.defpath, "PYTHONPATH": str(Path(__file__).parents[1])},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate(msgspec.json.encode(job))
    return msgspec.json.decode(printed, type=Measured)


class Trickle:
    """One request after the other, of one kind, with a pause between them; ``seconds`` are those of the answers."""

    def __init__(self, send: Callable[[], Awaitable[int]]) -> None:
        self._send = send
        self.seconds: list[float] = []

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            started = time.perf_counter()
            assert await self._send() in {200, 201}
            self.seconds.append(time.perf_counter() - started)
            await asyncio.sleep(0.01)


def share(seconds: list[float], of_them: float) -> float:
    """Return the time within which a share of the answers came."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * of_them))]


async def measured(sends: Sequence[Callable[[], Awaitable[int]]], until: Callable[[], Awaitable[None]]) -> list[float]:
    """Trickle in several ways for as long as something takes; return the seconds of all answers."""
    stop, trickles = asyncio.Event(), [Trickle(send) for send in sends]
    async with asyncio.TaskGroup() as group:
        for trickle in trickles:
            group.create_task(trickle.run(stop))
        await until()
        stop.set()
    return [seconds for trickle in trickles for seconds in trickle.seconds]


async def test_a_burst_of_one_tenant_leaves_others_their_answers(fleet: Fleet) -> None:
    """While 2,000 requests of one tenant come at once, all of which are answered, another's p99 stays below 250 ms.

    It creates and finds people over connections that it keeps, and over one that is new each time.
    """
    quiet = await fleet.new_tenant(regions=())
    numbers = iter(range(1_000_000))
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:
        fresh = Scim(session, quiet.tenant_url, quiet.token)

        async def create() -> int:
            return (await quiet.post("/Users", somebody(next(numbers)))).status

        async def find() -> int:
            return (await quiet.get('/Users?filter=userName+eq+"nobody"')).status

        async def create_anew() -> int:
            return (await fresh.post("/Users", somebody(next(numbers)))).status

        async def a_while() -> None:
            await asyncio.sleep(2)

        bursts: list[Measured] = []

        async def the_burst() -> None:
            bursts.append(await burst(await fleet.new_tenant(regions=())))

        sends = [create, find, create_anew]
        kept = False
        for _ in range(BURSTS):
            alone = await measured(sends, a_while)
            beside = await measured(sends, the_burst)
            kept = share(beside, 0.99) <= max(PROMISED_SECONDS, SLOWER * share(alone, 0.95))
            if kept:
                break

    assert [(one.requests, one.unexpected) for one in bursts] == [(BURST, {})] * len(bursts)
    assert kept, f"p99 {share(beside, 0.99):.3f} s beside the burst, p95 {share(alone, 0.95):.3f} s alone"
