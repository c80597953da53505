"""The end of processes: children neither outlive their parent nor hear a terminal's ctrl-C."""

import asyncio
import json
import os
import signal
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from rollbook.embedded.process import Command, Process
from support.waiting import until

SERVERS = """
    import asyncio, json, sys
    from pathlib import Path
    from rollbook.embedded.nats_server import NatsServer
    from rollbook.embedded.postgres import Postgres

    async def main():
        folder = Path(sys.argv[1])
        async with NatsServer(folder / "nats") as nats, Postgres(folder / "postgres") as postgres:
            print(json.dumps([nats.pid, postgres.pid]), flush=True)
            await asyncio.Event().wait()

    asyncio.run(main())
"""
SLEEPER = """
    import asyncio, json, sys
    from pathlib import Path
    from rollbook.embedded.process import Command, Process

    async def main():
        command = Command(argv=("/bin/sleep", "600"), log=Path(sys.argv[1]) / "log")
        print(json.dumps([Process.spawn(command, kernel_can=False).pid]), flush=True)
        await asyncio.Event().wait()

    asyncio.run(main())
"""


async def started(program: str, folder: Path) -> tuple[asyncio.subprocess.Process, list[psutil.Process]]:
    """Start a program that prints the process ids of its children; return it and them."""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(program), str(folder), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    children = json.loads(await parent.stdout.readline())
    return parent, [psutil.Process(pid) for pid in children]


@pytest.mark.parametrize("program", [SERVERS, SLEEPER], ids=["by the kernel", "by the watchdog"])
async def test_children_end_after_their_parent_was_killed(folder: Path, program: str) -> None:
    """After kill -9 of the parent alone none of its children, nor of theirs, is left."""
    parent, children = await started(program, folder)
    family = [one for child in children for one in (child, *child.children(recursive=True))]

    parent.kill()
    await parent.wait()

    _, alive = await asyncio.to_thread(psutil.wait_procs, family, timeout=20)
    assert alive == []


async def test_servers_recover_after_everything_was_killed(folder: Path) -> None:
    """After kill -9 of the parent and all children a start on the same data succeeds, at once."""
    parent, children = await started(SERVERS, folder)
    for pid in [parent.pid, *(child.pid for child in children)]:
        os.kill(pid, signal.SIGKILL)
    await parent.wait()

    again, again_children = await started(SERVERS, folder)
    assert all(child.is_running() for child in again_children)
    again.kill()
    await again.wait()
    await asyncio.to_thread(psutil.wait_procs, again_children, timeout=20)


async def test_child_has_a_session_of_its_own(folder: Path) -> None:
    """A signal to the process group of `up`, as ctrl-C in a terminal is, does not reach the children."""
    process = Process.spawn(Command(argv=("/bin/sleep", "600"), log=folder / "log"))
    session = os.getsid(process.pid)
    process.end()

    assert session == process.pid


async def test_child_that_does_not_listen_is_killed(folder: Path) -> None:
    """A child that ignores the request to end is gone all the same when its grace is over."""
    script = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
    process = Process.spawn(Command(argv=("/bin/sh", "-c", script), log=folder / "log"))
    await until(lambda: "ready" in (folder / "log").read_text())

    assert await process.stop(grace=0.2) == -signal.SIGKILL


async def test_child_that_ends_by_itself_takes_its_watchdog_along(folder: Path) -> None:
    """The watchdog never signals a process id that is somebody else's by then."""
    before = {child.pid for child in psutil.Process().children()}
    process = Process.spawn(Command(argv=("/bin/sleep", "600"), log=folder / "log"), kernel_can=False)
    await process.stop(grace=5)

    assert {child.pid for child in psutil.Process().children()} - before == set()


async def test_long_log_is_set_aside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs do not grow for ever: at a start a long one becomes the older of two."""
    monkeypatch.setattr("rollbook.embedded.process.LOG_LIMIT", 10)
    log = folder / "log"
    for word in ("first line", "second line"):
        await Process.spawn(Command(argv=("/bin/echo", word), log=log)).wait()

    assert (folder / "log.1").read_text() == "first line\n"
    assert log.read_text() == "second line\n"


async def test_long_log_is_set_aside_while_its_process_writes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process writes stands in two files of bounded size, in order, and goes on in the first of them."""
    monkeypatch.setattr("rollbook.embedded.process.LOG_LIMIT", 10_000)
    monkeypatch.setattr("rollbook.embedded.process.LOG_CHECK_SECONDS", 0.05)
    log, older = folder / "log", folder / "log.1"
    script = "n=0; while :; do n=$((n+1)); echo line $n; sleep 0.001; done"
    process = Process.spawn(Command(argv=("/bin/sh", "-c", script), log=log))
    watching = asyncio.create_task(process.wait())
    await until(older.exists)
    first = older.read_bytes()[:10]
    await until(lambda: older.read_bytes()[:10] != first and log.stat().st_size > 0)
    await process.stop(grace=5)
    await watching

    assert log.stat().st_size < 100_000
    assert older.stat().st_size < 100_000
    assert older.stat().st_mode & 0o777 == 0o600
    assert b"\0" not in log.read_bytes(), "the process goes on at the new end, not where it was"
