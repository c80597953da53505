"""The cells: what is sent to the running stack, in order, and the figures that come of it."""

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from bench.filling import fill
from bench.lag import Lags, Sampler
from bench.load import Job, Measured
from bench.memberships import SIZES, Memberships
from bench.pipeline import Pipeline
from bench.processes import Busy, pss_of_stack
from bench.rendering import Endpoint
from bench.stack import Ready, load, new_tenant
from rollbook.embedded.data_folder import DataFolder
from rollbook_contracts.claims import ClaimKey
from rollbook_contracts.partitions import partition_of
from rollbook_contracts.streams import DEFAULT_PARTITIONS

Figures: TypeAlias = dict[str, dict[str, object]]

CREATE_CALLERS: Final = (1, 16, 64)
PATCH_CALLERS: Final = (1, 16)
MATCH_CALLERS: Final = (1, 16)
DEMO: Final = "acme"
FEW: Final = 2_000
PATCHED: Final = 2_000
WARM_UP_SECONDS: Final = 2.0
SAMPLE_PAUSE: Final = 0.1
_SAMPLED_FROM: Final = 900_000_000
"""Numbers of the people that samplers create: far from those of the load."""


@dataclass(slots=True)
class Bench:
    """One run of the bench against one stack."""

    ready: Ready
    pipeline: Pipeline
    data: Path
    up_pid: int
    seconds: float
    say: Callable[[str], None]
    figures: Figures = field(default_factory=dict)
    _created: int = 0
    _sampled: int = _SAMPLED_FROM

    async def writes(self) -> None:
        """Creations, then activation and deactivation, in the demo tenant."""
        endpoint = self.ready.demo
        ids: tuple[str, ...] = ()
        for callers in CREATE_CALLERS:
            found = await self._write_cell(f"post_c{callers}", self._creation(endpoint, callers))
            ids = found.ids or ids
        for position, callers in enumerate(PATCH_CALLERS):
            # People of its own for each cell: all active at its start, so that each request changes something.
            chosen = ids[position * PATCHED : (position + 1) * PATCHED]
            job = Job("toggle", endpoint, callers, seconds=self.seconds, ids=chosen)
            await self._write_cell(f"patch_c{callers}", job)

    async def calm_lag(self) -> None:
        """The lag where nothing else is written."""
        self.say("lag_calm")
        stop = asyncio.Event()
        sampling = asyncio.create_task(self._sample(stop))
        await asyncio.sleep(self.seconds)
        stop.set()
        self.figures["lag_calm"] = (await sampling).figures()

    async def few_matches(self) -> None:
        """Filters by userName where there are few people."""
        endpoint = await new_tenant(self.data, "few")
        await load(Job("create", endpoint, 16, limit=FEW))
        await self._match_cells(endpoint, FEW)

    async def many_matches(self, people: int) -> None:
        """Filters by userName where there are many people, written to the log as the gateway writes them."""
        endpoint = await new_tenant(self.data, "many")
        self.say(f"filling the log with {people} people")
        tenant = await self.pipeline.tenant("many")
        began = time.time()
        claim_key = ClaimKey(DataFolder(self.data).claim_key())
        events = await fill(self.ready.nats_url, claim_key, tenant, "many", people=people)
        filled = time.time()
        drained = await self.pipeline.drained()
        self.figures["filling"] = {
            "events": events,
            "appended_per_second": round(events / (filled - began), 1),
            "rows_per_second": round(events / (drained.rows_at - began), 1),
            "changes_per_second": round(events / (drained.changes_at - began), 1),
        }
        await self._match_cells(endpoint, people)

    async def memberships(self, people: int) -> None:
        """Changes of groups' members in a tenant of more people than its largest group has."""
        endpoint = await new_tenant(self.data, "members")
        self.say(f"filling the log with {people} people for groups")
        tenant = await self.pipeline.tenant("members")
        claim_key = ClaimKey(DataFolder(self.data).claim_key())
        await fill(self.ready.nats_url, claim_key, tenant, "members", people=people)
        await self.pipeline.drained()
        groups = await Memberships.of(endpoint, tenant, self.pipeline, people=people)
        for size in SIZES:
            self.say(f"groups of {size}")
            self.figures[f"group_{size}"] = await groups.by_size(size)
        empty, full = (self.figures[f"group_{size}"] for size in (SIZES[0], SIZES[-1]))
        full["add_100_to_empty"] = round(float(str(full["add_100_p50_ms"])) / float(str(empty["add_100_p50_ms"])), 2)
        self.say("replacement of all members")
        neighbour, neighbour_tenant = await self._neighbour(tenant)
        self.figures["group_replaced"] = await groups.replaced("Replaced", neighbour, neighbour_tenant)
        self.say("memberships in bulk")
        self.figures["group_bulk"] = await groups.bulk()
        self.remember_memory()

    async def _neighbour(self, tenant: str) -> tuple[Endpoint, str]:
        """Create tenants until one falls into the partition of another."""
        for number in itertools.count():
            endpoint = await new_tenant(self.data, f"neighbour-{number}")
            found = await self.pipeline.tenant(f"neighbour-{number}")
            if partition_of(found, DEFAULT_PARTITIONS) == partition_of(tenant, DEFAULT_PARTITIONS):
                return endpoint, found
        raise AssertionError("unreachable")

    def remember_memory(self) -> None:
        """Keep the largest PSS seen of each process."""
        before = self.figures.setdefault("memory_pss_mib", {})
        for name, size in pss_of_stack(self.up_pid).items():
            before[name] = max(size, float(str(before.get(name, 0))))

    async def _match_cells(self, endpoint: Endpoint, people: int) -> None:
        await self.pipeline.drained()
        await load(Job("match", endpoint, 4, seconds=WARM_UP_SECONDS, count=people))
        for callers in MATCH_CALLERS:
            name = f"filter_{people}_c{callers}"
            self.say(name)
            job = Job("match", endpoint, callers, seconds=self.seconds, count=people)
            _, self.figures[name] = await self._measured(job)
        self.remember_memory()

    async def _write_cell(self, name: str, job: Job) -> Measured:
        """Run a write cell with a sampler of lags beside it, and wait for its rows and changes."""
        self.say(name)
        if job.kind == "create":
            await load(self._creation(job.endpoint, job.callers, seconds=WARM_UP_SECONDS))
        await self.pipeline.drained()
        stop = asyncio.Event()
        sampling = asyncio.create_task(self._sample(stop))
        measured, figures = await self._measured(job)
        stop.set()
        drained = await self.pipeline.drained()
        self.figures[name] = figures | {
            "rows_per_second": round(measured.requests / (drained.rows_at - measured.began), 1),
            "changes_per_second": round(measured.requests / (drained.changes_at - measured.began), 1),
            **(await sampling).figures(),
        }
        self.remember_memory()
        return measured

    async def _measured(self, job: Job) -> tuple[Measured, dict[str, object]]:
        """Run a job; say beside its own figures how much of a processor others took meanwhile."""
        before = Busy.now(self.up_pid)
        measured = await load(job)
        others = Busy.now(self.up_pid).others_since(before, load=measured.cpu_seconds)
        return measured, _request_figures(measured) | {"others_cpu_share": round(others / measured.seconds, 2)}

    def _creation(self, endpoint: Endpoint, callers: int, *, seconds: float | None = None) -> Job:
        first, self._created = self._created, self._created + 1_000_000
        return Job("create", endpoint, callers, seconds=seconds or self.seconds, first=first)

    async def _sample(self, stop: asyncio.Event) -> Lags:
        first, self._sampled = self._sampled, self._sampled + 100_000
        tenant = await self.pipeline.tenant(DEMO)
        return await Sampler(self.pipeline, self.ready.demo, tenant, first=first, pause=SAMPLE_PAUSE).sample(stop)


def _request_figures(measured: Measured) -> dict[str, object]:
    return {
        "requests_per_second": round(measured.per_second, 1),
        "p50_ms": measured.p50,
        "p95_ms": measured.p95,
        "p99_ms": measured.p99,
        "seconds": round(measured.seconds, 2),
        "requests": measured.requests,
        "errors": measured.errors,
        "unexpected": measured.unexpected,
        "void": measured.void,
        "client_cpu_share": round(measured.cpu_seconds / measured.seconds, 3),
    }
