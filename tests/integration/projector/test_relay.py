"""Each change stands in CHANGES once and in order, whatever befalls the relay."""

from collections.abc import Sequence

import pytest
from nats.aio.client import Client

from rollbook_contracts.streams import CHANGES
from rollbook_projector.changes import OutboxRow
from rollbook_projector.log import LogUnavailableError, StreamLog, jetstream
from rollbook_projector.outbox import relay
from rollbook_projector.outbox.atomic import Outgoing, publish_atomically
from rollbook_projector.outbox.marker import marked_position, nothing, record_position
from rollbook_projector.outbox.rows import OutboxTable
from rollbook_projector.status import read_status
from support.facts import Script, create_stream, topology
from support.projecting import QUICK, Stage, until


def people(count: int) -> Script:
    """Return a log of so many people."""
    script = Script()
    script.epoch()
    for number in range(count):
        script.created(f"usr_{number}")
    return script


async def keys(stage: Stage, count: int) -> list[str]:
    """Wait for so many changes; return their ids and make sure that no more come."""
    await stage.changes(count)
    await stage.relayed()
    return [message.headers["ce-id"] for message in await stage.changes(0)]


def expected(script: Script) -> list[str]:
    """Return the ids of the changes of a log of new people."""
    return [
        f"1-00-{message.sequence}-0" for message in script.messages if message.headers["ce-type"] == "user.created.v1"
    ]


async def test_more_than_one_batch_is_published_in_order(stage: Stage) -> None:
    """What waits is published in batches that the server takes, in the order of the log."""
    script = people(2500)
    await stage.start()
    await stage.applied(script)

    assert await keys(stage, 2500) == expected(script)


async def test_a_relay_that_dies_before_it_records_publishes_nothing_twice(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The marker in CHANGES is the position: PostgreSQL is brought up to it, not the other way."""
    deaths = iter([True, True, False])

    async def dies(*arguments: object) -> None:
        if next(deaths, False):
            raise ConnectionError("died")
        await record_position(*arguments)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(relay, "record_position", dies)
    script = people(20)
    await stage.start()
    await stage.applied(script)

    assert await keys(stage, 20) == expected(script)


async def test_a_batch_without_an_answer_is_published_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it was stored or not, the marker tells; the same changes never stand there twice."""
    answers = iter(["lost", "never sent", "lost"])

    async def unreliable(client: Client, batch_id: str, messages: Sequence[Outgoing], *, timeout: float) -> int:  # noqa: ASYNC109  # the relay's own
        match next(answers, ""):
            case "lost":
                await publish_atomically(client, batch_id, messages, timeout=timeout)
                raise LogUnavailableError("no answer")
            case "never sent":
                raise LogUnavailableError("no answer")
        return await publish_atomically(client, batch_id, messages, timeout=timeout)

    monkeypatch.setattr(relay, "publish_atomically", unreliable)
    script = people(2500)
    await stage.start()
    await stage.applied(script)

    assert await keys(stage, 2500) == expected(script)


async def test_a_relay_that_was_paused_is_fenced(stage: Stage) -> None:
    """A relay that goes on from what it knew before another one took over stores nothing."""
    script = people(3)
    _, stop = await stage.stoppable()
    changes = StreamLog(stage.client, CHANGES)
    stale = await marked_position(changes, 0)
    await stage.applied(script)
    await keys(stage, 3)
    await stop()
    paused = relay.Relay(0, stage.client, stage.dsn, QUICK)
    row = OutboxRow(1, 0, 3, 0, "user.created.v1", "ten_a", "usr_0", "", "", "{}")

    line = relay._Line(OutboxTable(), stale)
    await paused._publish(line, [row])

    assert line.position == await marked_position(changes, 0)
    assert [message.headers["ce-id"] for message in await stage.changes(0)] == expected(script)


async def test_changes_that_are_gone_from_the_stream_halt_the_relay(stage: Stage) -> None:
    """Where CHANGES is behind what was published nothing more is published, and `status` says why."""
    _, stop = await stage.stoppable()
    script = people(3)
    await stage.applied(script)
    await keys(stage, 3)
    await stop()
    await jetstream(stage.client, f"STREAM.DELETE.{CHANGES}")
    await create_stream(stage.client, topology().changes_stream())

    await stage.start()
    script.created("usr_new")
    await stage.applied(script)

    async def why() -> str | None:
        return (await read_status(stage.client, stage.database, 1)).partitions[0].halted

    assert (await until(why)).startswith("changes_regressed: the last marker in CHANGES is 0")
    assert await stage.changes(0) == []
    assert (await read_status(stage.client, stage.database, 1)).outbox == 1


async def test_changes_wait_for_their_stream(stage: Stage) -> None:
    """Facts are applied while CHANGES is not there; the changes follow when it is."""
    await jetstream(stage.client, f"STREAM.DELETE.{CHANGES}")
    script = people(3)
    await stage.start()
    await stage.applied(script)
    assert len(await OutboxTable().waiting(stage.database, nothing(0).key, 10)) == 3

    await create_stream(stage.client, topology().changes_stream())

    assert await keys(stage, 3) == expected(script)


async def test_a_batch_that_gets_no_answer_comes_back_smaller(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """However little goes through at a time, what waits is published, in order; the time-out grows meanwhile."""
    timeouts: list[float] = []

    async def slow(client: Client, batch_id: str, messages: Sequence[Outgoing], *, timeout: float) -> int:  # noqa: ASYNC109  # the relay's own
        timeouts.append(timeout)
        if len(messages) > 33:
            raise LogUnavailableError("no answer")
        return await publish_atomically(client, batch_id, messages, timeout=timeout)

    monkeypatch.setattr(relay, "publish_atomically", slow)
    script = people(200)
    await script.publish(stage.client)
    await stage.start()
    await stage.reached(script.head)

    assert await keys(stage, 200) == expected(script)
    assert max(timeouts) > min(timeouts)


async def test_a_stream_that_takes_no_more_is_told(stage: Stage) -> None:
    """CHANGES at its byte limit: the status says so, and all is published when there is room."""
    definition = topology().changes_stream().config()
    await jetstream(stage.client, f"STREAM.UPDATE.{CHANGES}", {**definition, "max_bytes": 2000})
    await stage.start()
    script = people(20)
    await stage.applied(script)

    async def told() -> bool:
        (partition,) = (await read_status(stage.client, stage.database, 1)).partitions
        return (partition.halted or "").startswith("changes_full: stream CHANGES takes no more changes")

    await until(told)
    await jetstream(stage.client, f"STREAM.UPDATE.{CHANGES}", {**definition, "max_bytes": -1})

    assert await keys(stage, 20) == expected(script)
    assert not (await read_status(stage.client, stage.database, 1)).partitions[0].halted
