"""`make bench`: measures Rollbook on this machine; ``--json FILE`` writes the figures under keys that stay the same."""

import argparse
import asyncio
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import psutil

from bench import report
from bench.cells import Bench, Figures
from bench.pipeline import Pipeline
from bench.profiling import profile_gateway, write_text
from bench.replaying import replay
from bench.stack import rollbook_up

MANY = 100_000
FRESH = 10_000
"""People beyond those in the largest group, to be added to it."""
SECONDS = 12.0
BUSY_SECONDS = 2.0


async def measure(folder: Path, *, seconds: float, many: int, profile: Path | None) -> Figures:
    """Run every cell once, against a stack of its own; then the same under a profiler if that is wanted."""
    data = folder / "data"
    found_busy = psutil.cpu_percent(BUSY_SECONDS)
    async with rollbook_up(data) as (ready, pid), Pipeline.connected(ready) as pipeline:
        bench = Bench(ready, pipeline, data, pid, seconds, say)
        bench.figures["machine"] = machine() | {"busy_before_percent": found_busy}
        bench.figures["memory_pss_mib"] = {}
        await bench.calm_lag()
        await bench.writes()
        await bench.few_matches()
        await bench.many_matches(many)
        await bench.memberships(many + FRESH)
        if profile:
            say("profiling")
            await profile_gateway(ready, pipeline, data, profile)
    say("replay")
    bench.figures[f"replay_{2 * many}"] = await replay(data)
    if profile:
        dump = profile / "replay.prof"
        await replay(data, profile=dump)
        write_text(dump)
    return bench.figures


def machine() -> dict[str, object]:
    """Say what the figures were measured on."""
    return {
        "cpus": os.cpu_count() or 0,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def say(text: str) -> None:
    """Tell on stderr what is measured now."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def main() -> None:
    """Read the command line, measure, show."""
    parser = argparse.ArgumentParser(description="Measure Rollbook on this machine.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"length of a cell (default {SECONDS:g})")
    parser.add_argument("--many", type=int, default=MANY, help=f"people in the large tenant (default {MANY})")
    parser.add_argument("--profile", type=Path, metavar="FOLDER", help="write profiles of the gateway and of a replay")
    wanted = parser.parse_args()
    if wanted.profile:
        wanted.profile.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rollbook-bench-") as lent:
        folder = Path(lent)
        # As root, the servers run as another user, who must be able to pass through.
        folder.chmod(0o711)
        figures = asyncio.run(measure(folder, seconds=wanted.seconds, many=wanted.many, profile=wanted.profile))
    if wanted.json:
        wanted.json.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n")
    report.show(figures)


if __name__ == "__main__":
    main()
