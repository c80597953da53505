"""Measures the event log alone, without HTTP: `PYTHONPATH=tests python -m bench.appends --callers 64 --kind create`."""

import argparse
import asyncio
import os
import time
from collections.abc import Awaitable, Callable

import uvloop

from rollbook.embedded.nats_server import NatsServer
from rollbook.settings import Settings
from rollbook.streams import ensure_streams, topology
from rollbook_contracts import subjects
from rollbook_contracts.claims import ClaimKey
from rollbook_contracts.facts.claim import ClaimTaken
from rollbook_contracts.facts.codec import encode
from rollbook_contracts.facts.envelope import Envelope, fact_id
from rollbook_gateway.log.connection import connect
from rollbook_gateway.log.jetstream import JetStreamEventLog
from rollbook_gateway.log.port import EventLog, Message, Write
from support import servers

TENANT = "ten_01jf0000000000000000000000"
DOCUMENT = os.urandom(750).hex().encode()
"""As large as the fact of a person with ten attributes."""


def creation(number: int) -> Write:
    """Return the write of one new person: two claims and a fact."""
    request_id, user = f"req_{number:026d}", f"usr_{number:026d}"
    places = [
        subjects.claim(0, TENANT, "userName", f"{number:026d}"),
        subjects.claim(0, TENANT, "identifier", f"{number:026d}"),
        subjects.user(0, TENANT, user),
    ]
    messages = []
    for position, subject in enumerate(places):
        envelope = Envelope(fact_id(request_id, position), TENANT, user, "2026-11-24T03:44:43.000000Z", request_id)
        headers, body = encode(ClaimTaken(user), envelope)
        messages.append(Message(subject, headers, body if position < 2 else DOCUMENT, 0))
    return Write(0, request_id, tuple(messages))


def revision(caller: int, number: int, last: int) -> Write:
    """Return the write of one change of a person: a fact."""
    fact = creation(caller).messages[-1]
    request_id = f"req_{number:026d}"
    headers = {**fact.headers, "ce-requestid": request_id}
    return Write(0, request_id, (Message(fact.subject, headers, fact.body, last),))


async def creating(log: EventLog, caller: int, number: int, last: int) -> int:
    return await log.append(creation(caller * 10_000_000 + number), deadline=_soon())


async def changing(log: EventLog, caller: int, number: int, last: int) -> int:
    return await log.append(revision(caller, caller * 10_000_000 + number, last), deadline=_soon())


async def reading(log: EventLog, caller: int, number: int, last: int) -> int:
    return 0 if await log.last(0, subjects.system(0)) is None else 1


async def heading(log: EventLog, caller: int, number: int, last: int) -> int:
    return await log.head(0)


KINDS: dict[str, Callable[[EventLog, int, int, int], Awaitable[int]]] = {
    "create": creating,
    "change": changing,
    "read": reading,
    "head": heading,
}


def _soon() -> float:
    return asyncio.get_running_loop().time() + 5


async def measure(log: EventLog, kind: str, callers: int, seconds: float) -> str:
    """Run the callers, each waiting for its answer before it goes on; return the figures as a line."""
    latencies: list[float] = []
    end = time.perf_counter() + seconds

    async def run(caller: int) -> None:
        last = number = 0
        while (begun := time.perf_counter()) < end:
            number += 1
            last = await KINDS[kind](log, caller, number, last)
            latencies.append(time.perf_counter() - begun)

    begun, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(run(caller) for caller in range(callers)))
    took, cpu = time.perf_counter() - begun, time.process_time() - cpu
    latencies.sort()
    p50, p99 = (latencies[int(len(latencies) * share)] * 1000 for share in (0.5, 0.99))
    return (
        f"{kind} callers={callers}: {len(latencies) / took:.0f}/s, p50 {p50:.2f} ms, p99 {p99:.2f} ms, "
        f"{cpu / len(latencies) * 1e6:.0f} µs of CPU each, load {os.getloadavg()[0]:.1f}"
    )


async def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the event log on one nats-server that syncs always.")
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--kind", choices=list(KINDS), nargs="+", default=list(KINDS))
    parser.add_argument("--seconds", type=float, default=3.0)
    asked = parser.parse_args()
    for kind in asked.kind:
        for callers in asked.callers:
            with servers.folder_for_servers() as folder:
                async with NatsServer(folder / "nats") as server:
                    connection = await connect(server.url, name="bench")
                    await ensure_streams(connection, topology(Settings(partitions=1), ClaimKey(b"k" * 32)))
                    log = JetStreamEventLog(connection, 1)
                    await log.open()
                    print(await measure(log, kind, callers, asked.seconds), flush=True)  # noqa: T201  # the result
                    await log.close()
                    await connection.close()


if __name__ == "__main__":
    uvloop.run(main())
