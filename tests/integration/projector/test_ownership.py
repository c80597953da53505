"""One projector applies a partition, another stands by and takes over."""

import contextlib
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest
from nats.aio.msg import Msg

from rollbook_projector.ownership import holders
from rollbook_projector.pull import Pull
from rollbook_projector.status import read_status
from support import projector_process
from support.facts import Script
from support.projecting import QUICK, Stage, until


@pytest.fixture
async def processes() -> AsyncIterator[contextlib.AsyncExitStack]:
    """End the processes that a test started."""
    async with contextlib.AsyncExitStack() as stack:
        yield stack


def person(script: Script, number: int) -> Script:
    """Add one person to a log."""
    script.created(f"usr_{number}")
    return script


async def owner(stage: Stage) -> str:
    """Wait until somebody owns the partition and return who."""

    async def somebody() -> str | None:
        return (await holders(stage.database)).get(0)

    return str(await until(somebody))


async def test_a_standby_takes_over_when_the_owner_stops(stage: Stage) -> None:
    """Both are ready; the second applies as soon as the first lets go."""
    first, stop = await stage.stoppable()
    script = person(Script(), 1)
    await stage.applied(script)
    second = await stage.start()
    await stage.until_state(second, "standby")
    assert (first.health()[0].state, second.ready) == ("applying", True)

    await stop()
    await stage.applied(person(script, 2))

    assert len(await stage.rows("lms.users")) == 2


async def test_a_killed_owner_is_replaced_at_once(
    stage: Stage, nats_url: str, processes: contextlib.AsyncExitStack
) -> None:
    """The session of a dead process ends with it, and its lock: nobody waits for the lease."""
    process = await projector_process.start(nats_url, stage.dsn, lease=60.0)
    processes.push_async_callback(projector_process.end, process)
    script = person(Script(), 1)
    await stage.applied(script)
    standby = await stage.start()
    await stage.until_state(standby, "standby")

    process.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    await stage.applied(person(script, 2))

    assert time.monotonic() - killed < 10
    assert len(await stage.changes(2)) == 2


async def test_a_paused_owner_is_replaced_and_changes_nothing_when_it_goes_on(
    stage: Stage, nats_url: str, processes: contextlib.AsyncExitStack
) -> None:
    """PostgreSQL ends the silent session; continued, the process finds itself a standby."""
    process = await projector_process.start(nats_url, stage.dsn, lease=1.0)
    processes.push_async_callback(projector_process.end, process)
    script = person(Script(), 1)
    await stage.applied(script)
    before = await owner(stage)
    process.send_signal(signal.SIGSTOP)
    standby, stop = await stage.stoppable()
    await stage.until_state(standby, "applying")
    await stage.applied(person(script, 2))
    assert await owner(stage) != before

    process.send_signal(signal.SIGCONT)
    for number in range(3, 30):
        await stage.applied(person(script, number))

    assert await owner(stage) != before
    assert len(await stage.rows("lms.users")) == 29
    await stop()
    await stage.applied(person(script, 30))
    assert await owner(stage) == before
    assert [message.headers["ce-id"] for message in await stage.changes(30)] == [
        f"0-00-{2 * number}-0" for number in range(1, 31)
    ]
    assert await stage.findings() == []


async def test_a_session_that_is_cut_is_opened_again(stage: Stage) -> None:
    """The projector reads its checkpoint again and goes on."""
    await stage.start()
    script = person(Script(), 1)
    await stage.applied(script)

    await stage.database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'rollbook-%'"
    )
    await stage.applied(person(script, 2))

    assert len(await stage.changes(2)) == 2


async def test_status_names_owner_head_and_lag(stage: Stage, database_url: str) -> None:
    """What nobody applied yet is the lag; the owner is who holds the lock."""
    script = person(Script(), 1)
    await script.publish(stage.client)
    connection = await asyncpg.connect(database_url)

    (waiting,) = (await read_status(stage.client, connection, 1)).partitions
    await stage.start()
    await stage.reached(script.head)
    (applied,) = (await read_status(stage.client, connection, 1)).partitions

    assert (waiting.head, waiting.applied, waiting.lag, waiting.owner) == (2, 0, 2, None)
    assert (applied.head, applied.applied, applied.lag, applied.halted) == (2, 2, 0, None)
    assert applied.owner is not None
    assert applied.owner.startswith("rollbook-projector ")
    await connection.close()


async def test_a_consumer_that_delivers_nothing_is_replaced(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its heartbeats go on while the log has more to give: the partition is let go, and read by a new consumer."""
    receive = Pull.on_message
    deaf: list[Pull] = []

    async def heartbeats_only(pull: Pull, message: Msg) -> None:
        deaf.extend([] if deaf else [pull])
        if pull is not deaf[0] or not message.reply.startswith("$JS.ACK."):
            await receive(pull, message)

    monkeypatch.setattr(Pull, "on_message", heartbeats_only)
    await stage.start(replace(QUICK, lease=1.0))

    await stage.applied(person(Script(), 1))
