"""Where a gateway's time goes: a second gateway of the same stack, under cProfile, loaded on its own."""

import asyncio
import io
import pstats
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from bench.load import Job
from bench.pipeline import Pipeline, until
from bench.rendering import Endpoint
from bench.stack import Ready, load, rollbook

SECONDS = 8.0
LINES = 45
_FIRST = 800_000_000
"""Numbers of the people created under the profiler: far from those of the cells."""


async def profile_gateway(ready: Ready, pipeline: Pipeline, data: Path, folder: Path) -> None:
    """Write ``post.txt``, ``patch.txt`` and ``filter.txt`` into a folder."""
    ids: tuple[str, ...] = ()
    async with profiled_gateway(data, folder / "post") as gateway_url:
        endpoint = _at(ready, gateway_url)
        ids = (await load(Job("create", endpoint, 64, seconds=SECONDS, first=_FIRST))).ids
    await pipeline.drained()
    async with profiled_gateway(data, folder / "patch") as gateway_url:
        await load(Job("toggle", _at(ready, gateway_url), 16, seconds=SECONDS, ids=ids))
    await pipeline.drained()
    async with profiled_gateway(data, folder / "filter") as gateway_url:
        await load(Job("match", _at(ready, gateway_url), 16, seconds=SECONDS, count=1000))


@asynccontextmanager
async def profiled_gateway(data: Path, result: Path) -> AsyncIterator[str]:
    """Run a gateway under cProfile for the block; lend its address, then write the profile as text."""
    dump, ready_file = result.with_suffix(".prof"), result.with_suffix(".ready")
    process = await rollbook(
        *("gateway", "--data", str(data), "--port", "0", "--ready-file", str(ready_file)), profile=dump
    )
    try:
        await until(lambda: asyncio.to_thread(ready_file.exists), pause=0.05, patience=30)
        gateway_url: str = msgspec.json.decode(ready_file.read_bytes())["gateway_url"]
        yield gateway_url
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()
        ready_file.unlink(missing_ok=True)
    write_text(dump)


def write_text(dump: Path) -> None:
    """Write a profile as text, beside it: functions by the time spent in them alone."""
    text = io.StringIO()
    pstats.Stats(str(dump), stream=text).sort_stats("tottime").print_stats(LINES)
    dump.with_suffix(".txt").write_text(text.getvalue())


def _at(ready: Ready, gateway_url: str) -> Endpoint:
    return Endpoint(ready.tenant_url.replace(ready.gateway_url, gateway_url), ready.token)
