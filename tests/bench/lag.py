"""The lag from an answer to the row and to the change: sampled beside a load, or alone, by people of its own."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp

from bench import rendering
from bench.load import percentiles
from bench.pipeline import Pipeline
from bench.rendering import Endpoint

GIVE_UP_SECONDS = 60.0


@dataclass(slots=True)
class Lags:
    """Seconds from the answer until the row, and until the change, were seen."""

    rows: list[float] = field(default_factory=list)
    changes: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, object]:
        """Return the percentiles in milliseconds."""
        figures: dict[str, object] = {"samples": len(self.rows)}
        for name, seconds in (("row", self.rows), ("change", self.changes)):
            for percentile, value in zip(("p50", "p95", "p99"), percentiles(seconds), strict=True):
                figures[f"{name}_lag_{percentile}_ms"] = value
        return figures


class Sampler:
    """Creates a person every ``pause`` seconds, numbered from ``first``, and looks out for it."""

    def __init__(self, pipeline: Pipeline, endpoint: Endpoint, tenant: str, *, first: int, pause: float) -> None:
        self._pipeline = pipeline
        self._endpoint = endpoint
        self._tenant = tenant
        self._number = first
        self._pause = pause

    async def sample(self, stop: asyncio.Event) -> Lags:
        """Sample until told to stop."""
        lags = Lags()
        headers = {"Authorization": f"Bearer {self._endpoint.token}", "Content-Type": "application/scim+json"}
        async with aiohttp.ClientSession(headers=headers) as session:
            while not stop.is_set():
                user_id = await self._create(session)
                if user_id is not None:
                    await self._look_out(user_id, lags)
                await asyncio.sleep(self._pause)
        return lags

    async def _create(self, session: aiohttp.ClientSession) -> str | None:
        self._number += 1
        body = rendering.body_of(self._number)
        async with session.post(f"{self._endpoint.tenant_url}/Users", data=body) as response:
            created = await response.json(content_type=None)
        return str(created["id"]) if response.status == 201 else None

    async def _look_out(self, user_id: str, lags: Lags) -> None:
        answered = time.perf_counter()
        row, change = await asyncio.gather(
            _seconds_until(lambda: self._pipeline.has_row(self._tenant, user_id), answered),
            _seconds_until(lambda: self._pipeline.has_change(self._tenant, user_id), answered),
        )
        lags.rows.append(row)
        lags.changes.append(change)


async def _seconds_until(seen: Callable[[], Awaitable[bool]], since: float) -> float:
    """Ask at growing pauses, a tenth of the time that has passed: to ask is to take time from what is waited for."""
    async with asyncio.timeout(GIVE_UP_SECONDS):
        while not await seen():  # noqa: ASYNC110  # other processes make it seen
            await asyncio.sleep(max(0.002, (time.perf_counter() - since) / 10))
    return time.perf_counter() - since
