"""Reading a stream: in order, from anywhere, and never silent about what is missing."""

from datetime import UTC, datetime

import pytest
from nats.aio.client import Client

from rollbook_contracts.streams import provisioning
from rollbook_projector.headers import LazyHeaders
from rollbook_projector.log import jetstream
from rollbook_projector.pull import Pull, PullBrokenError, PullSettings, pulling
from rollbook_projector.recorded import LogMessage
from rollbook_projector.replay.catch_up import read_range
from support.facts import Script

STREAM = provisioning(0)
SMALL = PullSettings(batch=10, prefetch=2, heartbeat=0.2)


async def take(pull: Pull, count: int) -> list[LogMessage]:
    """Take so many messages."""
    found: list[LogMessage] = []
    while len(found) < count:
        found += await pull.take(count - len(found), patience=5)
    return found


async def people(client: Client, count: int = 40) -> Script:
    """Publish a log of two messages for each person."""
    script = Script()
    for number in range(count):
        script.created(f"usr_{number}")
    await script.publish(client)
    return script


async def test_messages_arrive_whole_and_in_order(client: Client) -> None:
    """Sequence, subject, headers and body are as they were stored, over many requests."""
    script = await people(client)

    async with pulling(client, STREAM, after=0, settings=SMALL) as pull:
        found = await take(pull, script.head)

    assert [message.sequence for message in found] == list(range(1, script.head + 1))
    assert [(message.subject, message.body) for message in found] == [
        (message.subject, message.body) for message in script.messages
    ]
    assert isinstance(found[0].headers, LazyHeaders)
    assert found[0].headers.items() >= dict(script.messages[0].headers).items()


async def test_reading_begins_behind_a_sequence_or_at_a_time(client: Client) -> None:
    """What was there before is not sent."""
    script = await people(client, 3)
    now = datetime.now(UTC)
    script.created("usr_late")
    await script.publish(client)

    async with pulling(client, STREAM, after=4, settings=SMALL) as pull:
        assert (await take(pull, 1))[0].sequence == 5
    async with pulling(client, STREAM, after=now, settings=SMALL) as pull:
        assert (await take(pull, 1))[0].sequence == 7


async def test_one_subject_alone_may_be_read(client: Client) -> None:
    """A filtered reader gets what it asked for, in order."""
    script = await people(client, 5)
    subject = script.messages[3].subject

    async with pulling(client, STREAM, after=0, subject=subject, settings=SMALL) as pull:
        assert [message.sequence for message in await take(pull, 1)] == [4]
        assert await pull.take(1, patience=0.3) == []


async def test_new_messages_arrive_while_one_waits(client: Client) -> None:
    """Waiting ends when there is something to take, or when somebody wakes the reader."""
    async with pulling(client, STREAM, after=0, settings=SMALL) as pull:
        assert await pull.take(10, patience=0.05) == []
        await people(client, 1)
        assert len(await take(pull, 2)) == 2
        pull.wake()
        assert await pull.take(10, patience=60) == []


async def test_a_consumer_that_is_gone_is_noticed(client: Client) -> None:
    """Somebody deletes the consumer: the reader says so instead of waiting for ever."""
    await people(client, 1)
    async with pulling(client, STREAM, after=0, settings=SMALL) as pull:
        await take(pull, 2)
        (name,) = (await jetstream(client, f"CONSUMER.NAMES.{STREAM}"))["consumers"]
        await jetstream(client, f"CONSUMER.DELETE.{STREAM}.{name}")

        with pytest.raises(PullBrokenError):
            await until_broken(pull)


async def test_a_range_is_read_to_its_end_though_its_consumer_is_dropped(client: Client) -> None:
    """The server drops the consumer of a reader who is busy for long: `verify` goes on where it was, without a gap."""
    script = await people(client)
    found: list[int] = []

    async for messages in read_range(client, STREAM, after=0, until=script.head, size=10, settings=SMALL):
        found += [message.sequence for message in messages]
        if len(found) in {10, 40}:
            (name,) = (await jetstream(client, f"CONSUMER.NAMES.{STREAM}"))["consumers"]
            await jetstream(client, f"CONSUMER.DELETE.{STREAM}.{name}")

    assert found == list(range(1, script.head + 1))


async def test_silence_is_noticed(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither messages nor heartbeats for a while: the reader is of no use any more."""
    async with pulling(client, STREAM, after=0, settings=SMALL) as pull:
        for subscription in list(client._subs.values()):
            if subscription.subject == pull.inbox:
                await subscription.unsubscribe()

        with pytest.raises(PullBrokenError, match="no heartbeat"):
            await until_broken(pull)


async def test_a_message_lost_on_the_way_is_noticed(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The consumer counts what it sends; a number that is missing ends the reader."""
    await people(client, 10)
    take_in = Pull.on_message

    async def lossy(self: Pull, message: object) -> None:
        if message.reply.split(".")[6:7] != ["7"]:  # type: ignore[attr-defined]  # a message of nats-py
            await take_in(self, message)  # type: ignore[arg-type]  # likewise

    monkeypatch.setattr(Pull, "on_message", lossy)
    async with pulling(client, STREAM, after=0, settings=SMALL) as pull:
        with pytest.raises(PullBrokenError, match="message 7 of the consumer is missing"):
            await until_broken(pull)


async def until_broken(pull: Pull) -> None:
    """Take until the reader says that it is of no use."""
    while True:
        await pull.take(1, patience=0.2)
