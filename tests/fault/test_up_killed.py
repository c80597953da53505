"""`rollbook up` under load: its processes killed one by one, then all at once as a power cut does."""

import asyncio
import contextlib
import json
import os
import random
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from rollbook.embedded.ports import any_free
from rollbook.settings import Settings
from support.audit import audit
from support.load import Load
from support.projecting import until
from support.scim import Scim

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]

CHILDREN = ("nats-server", "postgres", "projector", "gateway")


@dataclass(frozen=True, slots=True)
class Up:
    """A running stack."""

    process: psutil.Process
    addresses: dict[str, Any]

    def child(self, word: str) -> psutil.Process:
        """Return the child with this word in its command line."""
        return next(child for child in self.process.children() if any(word in part for part in child.cmdline()))

    def kill_all(self) -> None:
        """Kill `up` and everything that it started."""
        for process in (*self.process.children(recursive=True), self.process):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


@contextlib.asynccontextmanager
async def running_up(folder: Path, port: int) -> AsyncIterator[Up]:
    """Run a stack on ``folder/data``; what is left of it is killed at the end."""
    ready_file = folder / "ready.json"
    ready_file.unlink(missing_ok=True)
    log = folder / "up.log"
    with log.open("w") as said:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "rollbook", "up", "--data", str(folder / "data"), "--port", str(port)),
            *("--ready-file", str(ready_file)),
            env={"PATH": os.environ.get("PATH", os.defpath), "ROLLBOOK_LOG_LEVEL": "warning"},
            stderr=said,
        )

    async def ready() -> bool:
        assert process.returncode is None, log.read_text(encoding="utf-8")
        return ready_file.exists()

    await until(ready, within=60)
    up = Up(psutil.Process(process.pid), json.loads(ready_file.read_text(encoding="utf-8")))
    try:
        yield up
    finally:
        if process.returncode is None:
            up.kill_all()
        await process.wait()


async def test_nothing_accepted_is_lost_when_up_loses_its_processes(
    folder: Path, rounds: int, chance: random.Random
) -> None:
    """Each child is brought back by itself; after the power cut the next `up` on the same data has everything."""
    port = any_free()
    settings = Settings(data=folder / "data")
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        async with running_up(folder, port) as up:
            client = Scim(session, up.addresses["tenant_url"], up.addresses["token"])
        load = Load([[client]], seed=str(chance.random()), callers=4)
        for _ in range(rounds):
            async with running_up(folder, port) as up:
                await audit(settings, load.attempts)
                async with load.running():
                    await load.accepted(chance.randint(10, 50))
                    victim = up.child(chance.choice(CHILDREN))
                    victim.kill()
                    await until(lambda victim=victim: has_ended(victim))  # type: ignore[misc]  # bound in the loop
                    await load.accepted(50)
                    up.kill_all()
        async with running_up(folder, port):
            await audit(settings, load.attempts)


async def has_ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
