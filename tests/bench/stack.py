"""The stack under load: `rollbook up` as it is, in a folder of its own; the cells load it."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from bench.load import Job, Measured
from bench.rendering import Endpoint

READY_SECONDS = 60
STOP_SECONDS = 20


class Ready(msgspec.Struct, frozen=True):
    """What `rollbook up` writes to its ready file."""

    tenant_url: str
    token: str
    gateway_url: str
    nats_url: str
    database_url: str

    @property
    def demo(self) -> Endpoint:
        """The demo tenant."""
        return Endpoint(self.tenant_url, self.token)


@asynccontextmanager
async def rollbook_up(data: Path) -> AsyncIterator[tuple[Ready, int]]:
    """Run `rollbook up` for the block; lend what it says and its process id."""
    ready_file = data.parent / "ready.json"
    process = await rollbook("up", "--data", str(data), "--port", "0", "--ready-file", str(ready_file))
    try:
        async with asyncio.timeout(READY_SECONDS):
            while not ready_file.exists():
                if process.returncode is not None:
                    raise RuntimeError(f"`rollbook up` ended with exit status {process.returncode}")
                await asyncio.sleep(0.05)
        yield msgspec.json.decode(ready_file.read_bytes(), type=Ready), process.pid
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        ready_file.unlink(missing_ok=True)


async def rollbook(*arguments: str, environment: dict[str, str] | None = None, profile: Path | None = None) -> Process:
    """Start a command of Rollbook, under cProfile if its results are wanted in a file."""
    profiler = ("-m", "cProfile", "-o", str(profile)) if profile else ()
    return await asyncio.create_subprocess_exec(
        *(sys.executable, *profiler, "-m", "rollbook", *arguments),
        env={**os.environ, **(environment or {})},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL if profile else None,
    )


async def asked(*arguments: str) -> dict[str, Any]:
    """Return the JSON object that a command of Rollbook prints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rollbook", *arguments), stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"`rollbook {' '.join(arguments)}` ended with exit status {process.returncode}")
    found: dict[str, Any] = msgspec.json.decode(printed.splitlines()[-1])
    return found


async def new_tenant(data: Path, name: str) -> Endpoint:
    """Create a tenant with the demo tenant's regions, and a token for it."""
    regions = [option for region in ("US-East", "US-West", "EMEA", "APAC") for option in ("--region", region)]
    await asked("tenant", "create", name, *regions, "--data", str(data), "--json")
    issued = await asked("token", "issue", "--tenant", name, "--data", str(data), "--json")
    return Endpoint(issued["tenant_url"], issued["token"])


async def load(job: Job) -> Measured:
    """Run a job in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.load"), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate(msgspec.json.encode(job))
    if process.returncode != 0 or not printed.endswith(b"}"):
        raise RuntimeError(f"the load process ended with exit status {process.returncode} after {len(printed)} bytes")
    return msgspec.json.decode(printed, type=Measured)
