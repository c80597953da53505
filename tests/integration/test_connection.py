"""The log's connection: what people are told who cannot connect, and how an interruption is noticed."""

import asyncio
from pathlib import Path

import pytest
from nats import errors

from rollbook.embedded.nats_server import NatsServer
from rollbook.embedded.ports import any_free
from rollbook_gateway.log.connection import Connection, connect
from rollbook_gateway.log.wire import NotSentError, UnansweredError, UnservedError, Wire


async def test_absent_server_is_named_without_the_password() -> None:
    """Who cannot connect reads which address failed, and no secret."""
    port = any_free()

    with pytest.raises(ConnectionError, match=rf"127\.0\.0\.1:{port} .*is it running") as refused:
        await connect(f"nats://rollbook:secret@127.0.0.1:{port}", name="test", patience=0.5)

    assert "secret" not in str(refused.value)


async def test_wrong_password_is_told(nats_url: str) -> None:
    """A server that refuses the password is not mistaken for one that is away."""
    address = nats_url.rpartition("@")[2]

    with pytest.raises(ConnectionError, match=r"(?i)authorization"):
        await connect(f"nats://rollbook:wrong@{address}", name="test", patience=0.5)


async def test_refusal_outlives_the_reset_that_follows_it() -> None:
    """A server that refuses a password says so, then resets the connection: what it said is what people are told."""
    connection = Connection()

    await connection.troubled(errors.Error("nats: 'Authorization Violation'"))
    await connection.troubled(ConnectionResetError(104, "Connection reset by peer"))

    assert "Authorization Violation" in connection.last_trouble


async def test_nothing_is_kept_for_a_server_that_is_away(folder: Path) -> None:
    """While disconnected a publish fails at once, and the wire says that nothing was sent."""
    async with NatsServer(folder / "nats") as server:
        connection = await connect(server.url, name="test")
        wire = Wire(connection)
        await wire.open()
        interrupted = asyncio.Event()
        connection.on_interruption(interrupted.set)
        server.kill()
        await interrupted.wait()

        with pytest.raises(NotSentError):
            await wire.ask(lambda reply: b"PUB nobody %b 0\r\n\r\n" % reply, within=5)
        with pytest.raises(errors.OutboundBufferLimitError):
            await connection.publish("nobody", b"x")

        assert connection.pending_data_size == 0
        await connection.close()


async def test_question_under_way_hears_of_the_interruption(folder: Path) -> None:
    """Who waits for an answer does not wait for a timeout when the connection breaks."""
    async with NatsServer(folder / "nats") as server:
        connection = await connect(server.url, name="test")
        silent = await connection.subscribe("silent")
        wire = Wire(connection)
        await wire.open()
        question = asyncio.create_task(wire.ask(lambda reply: b"PUB silent %b 0\r\n\r\n" % reply, within=50))
        await silent.next_msg(timeout=5)
        server.kill()

        with pytest.raises(UnansweredError):
            async with asyncio.timeout(5):
                await question

        await connection.close()


async def test_frames_of_our_own_reach_the_server(nats_url: str) -> None:
    """Pins the two private calls of nats-py that send encoded frames: they arrive whole, in order, with a reply."""
    connection = await connect(nats_url, name="test")
    received = await connection.subscribe("test.*")
    wire = Wire(connection)
    await wire.open()

    def frames(reply: bytes) -> bytes:
        return b"HPUB test.1 20 23\r\nNATS/1.0\r\na: bcd\r\n\r\none\r\nPUB test.2 %b 3\r\ntwo\r\n" % reply

    question = asyncio.create_task(wire.ask(frames, within=5))
    first, second = await received.next_msg(timeout=5), await received.next_msg(timeout=5)
    await second.respond(b"answer")

    assert (first.subject, first.headers, first.data) == ("test.1", {"a": "bcd"}, b"one")
    assert (second.subject, second.data) == ("test.2", b"two")
    assert await question == b"answer"
    await connection.close()


async def test_question_that_nobody_serves_is_told_so(nats_url: str) -> None:
    """No responders: what is asked is certainly not done."""
    connection = await connect(nats_url, name="test")
    wire = Wire(connection)
    await wire.open()

    with pytest.raises(UnservedError):
        await wire.ask(lambda reply: b"PUB nobody.serves.this %b 0\r\n\r\n" % reply, within=5)

    await connection.close()


async def test_server_that_the_cluster_named_is_let_in_by_the_same_password(nats_cluster: list[NatsServer]) -> None:
    """A client that knew one address goes on at another member, which it learned of, when that one drops it."""
    connection = await connect(nats_cluster[0].url, name="test")
    assert len(connection.discovered_servers) >= 2, "the cluster names its other members"
    reconnected = asyncio.Event()
    connection.on_interruption(reconnected.set)

    for _ in range(10):
        reconnected.clear()
        await connection._process_op_err(ConnectionError("dropped"))
        await reconnected.wait()
        while not connection.is_connected:  # noqa: ASYNC110  # nats-py tells before it is so
            await asyncio.sleep(0.01)

    assert "Authorization" not in connection.last_trouble
    await connection.close()
