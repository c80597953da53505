"""A projector in a process of its own, for tests that pause or kill it: ``python -m support.projector_process …``."""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from rollbook_projector.projector import Projector
from support.projecting import QUICK, connected


async def start(nats_url: str, database_url: str, *, lease: float = 1.0) -> asyncio.subprocess.Process:
    """Start a projector of one partition."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "support.projector_process",
        nats_url,
        database_url,
        str(lease),
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        stdout=asyncio.subprocess.DEVNULL,
    )


async def end(process: asyncio.subprocess.Process) -> None:
    """Kill a process if it is still there, stopped or not."""
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
    await process.wait()


async def main(nats_url: str, database_url: str, lease: float) -> None:
    """Run until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with connected(nats_url) as client:
        await Projector(client, database_url, partitions=1, settings=replace(QUICK, lease=lease)).run(stop)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
