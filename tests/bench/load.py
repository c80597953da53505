"""The load process: reads a job from stdin, loads the gateway, writes what it measured to stdout."""

import asyncio
import gc
import sys
import time
from array import array
from collections.abc import Iterator
from typing import Literal, TypeAlias

import msgspec
import uvloop

from bench import rendering
from bench.http import LoadConnection, Tally
from bench.rendering import Endpoint

Kind: TypeAlias = Literal["create", "toggle", "match"]

_GOOD_MATCH = b'"totalResults":1'
_ID = b'"id":"'


class Job(msgspec.Struct, frozen=True):
    """What to send, from how many callers, for how long.

    ``first`` is the number of the first person that is created; ``ids`` are those to be patched; ``count`` is how many
    people filters look for. Without ``seconds`` just ``limit`` requests are sent.
    """

    kind: Kind
    endpoint: Endpoint
    callers: int
    seconds: float = 0.0
    limit: int | None = None
    first: int = 0
    ids: tuple[str, ...] = ()
    count: int = 0


class Measured(msgspec.Struct, frozen=True):
    """What came of a job, begun at a time of the wall clock; percentiles in milliseconds, ``ids`` of people created."""

    began: float
    seconds: float
    requests: int
    errors: int
    unexpected: dict[str, int]
    p50: float
    p95: float
    p99: float
    cpu_seconds: float
    ids: tuple[str, ...] = ()

    @property
    def per_second(self) -> float:
        """Requests answered as expected in a second."""
        return self.requests / self.seconds if self.seconds else 0.0

    @property
    def void(self) -> bool:
        """Whether more than one in a thousand requests failed, so that the figures say nothing."""
        return self.errors * 1000 > self.requests + self.errors


async def run(job: Job) -> Measured:
    """Run a job in this process."""
    requests = iter(_requests(job))
    if job.limit is not None:
        requests = (request for request, _ in zip(requests, range(job.limit), strict=False))
    tally, bodies = Tally(), list[bytes]()
    cpu, started = time.process_time(), time.perf_counter()
    until = started + job.seconds if job.seconds else float("inf")
    await asyncio.gather(*(_call(job, requests, tally, until, bodies) for _ in range(job.callers)))
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    p50, p95, p99 = percentiles(tally.latencies)
    return Measured(
        began=time.time() - seconds,
        seconds=seconds,
        requests=len(tally.latencies),
        errors=tally.errors,
        unexpected=dict(tally.unexpected),
        p50=p50,
        p95=p95,
        p99=p99,
        cpu_seconds=cpu,
        ids=tuple(_id_in(body) for body in bodies),
    )


def percentiles(seconds: "array[float] | list[float]") -> tuple[float, float, float]:
    """Return the 50th, 95th and 99th percentile in milliseconds."""
    ordered = sorted(seconds) or [0.0]
    p50, p95, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.95, 0.99))
    return round(p50 * 1000, 3), round(p95 * 1000, 3), round(p99 * 1000, 3)


async def _call(job: Job, requests: Iterator[bytes], tally: Tally, until: float, bodies: list[bytes]) -> None:
    """Be one caller; a connection that is lost is counted and made again."""
    loop = asyncio.get_running_loop()
    while True:
        lost = tally.unexpected["connection lost"]
        _, connection = await loop.create_connection(
            lambda: LoadConnection(
                requests,
                tally,
                until=until,
                expect=_GOOD_MATCH if job.kind == "match" else b"",
                keep=bodies.append if job.kind == "create" else None,
            ),
            *job.endpoint.address,
        )
        await connection.finished
        if tally.unexpected["connection lost"] == lost:
            return


def _requests(job: Job) -> Iterator[bytes]:
    match job.kind:
        case "create":
            return rendering.creations(job.endpoint, job.first)
        case "toggle":
            return rendering.toggles(job.endpoint, job.ids)
        case "match":
            return rendering.matches(job.endpoint, job.count)


def _id_in(body: bytes) -> str:
    begin = body.index(_ID) + len(_ID)
    return body[begin : body.index(b'"', begin)].decode()


def main() -> None:
    """Read a job, write what was measured."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    gc.disable()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        measured = runner.run(run(job))
    sys.stdout.buffer.write(msgspec.json.encode(measured))


if __name__ == "__main__":
    main()
