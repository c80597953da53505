"""The embedded nats-server: durable, closed to strangers, back after a crash at the same address."""

import asyncio
import json
import socket
from pathlib import Path

import nats
import pytest
from nats.js.api import StreamConfig
from nats.js.errors import NotFoundError

from rollbook.embedded.errors import DataInUseError
from rollbook.embedded.nats_server import NatsServer
from support.servers import modes


async def test_server_says_that_it_syncs_always(nats_server: NatsServer) -> None:
    """The running server, not our configuration file, reports that each message is synced before it is acknowledged."""
    status, jsz = await nats_server.monitor("/jsz?config=true")

    assert status == 200
    assert jsz["config"]["sync_always"] is True


async def test_client_can_ask_whether_the_server_syncs_always(nats_url: str) -> None:
    """Rollbook's own account may read the server's JetStream configuration, without the monitoring port."""
    client = await nats.connect(nats_url)
    answer = await client.request("$SYS.REQ.SERVER.PING.JSZ", b'{"config": true}', timeout=2)
    await client.close()

    assert json.loads(answer.data)["data"]["config"]["sync_always"] is True


async def test_server_allows_many_open_batches(nats_server: NatsServer) -> None:
    """Batches that killed gateways left half sent do not soon use up what a stream allows."""
    _, jsz = await nats_server.monitor("/jsz?config=true")

    assert jsz["limits"]["max_batch_inflight_per_stream"] == 1000


async def test_wrong_password_is_refused(nats_server: NatsServer) -> None:
    """Who does not know the generated password gets no connection."""
    for credentials in ({}, {"user": "rollbook", "pass": "wrong"}):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(nats_server.url.rsplit(":", 1)[1]))
        writer.write(f"CONNECT {json.dumps({'verbose': True} | credentials)}\r\nPING\r\n".encode())
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()

        assert b"-ERR 'Authorization Violation'" in answer
        assert b"PONG" not in answer


async def test_server_listens_on_loopback_only(nats_server: NatsServer) -> None:
    """Neither the client port nor the monitoring port can be reached from another machine."""
    _, varz = await nats_server.monitor("/varz")

    assert (varz["host"], varz["http_host"]) == ("127.0.0.1", "127.0.0.1")


async def test_messages_survive_kill_at_the_same_address(folder: Path) -> None:
    """After kill -9 the server comes back at its address with every acknowledged message."""
    async with NatsServer(folder / "nats") as server:
        before = server.url
        client = await nats.connect(before)
        await client.jetstream().add_stream(StreamConfig(name="S", subjects=["s"]))
        await client.jetstream().publish("s", b"kept")
        await client.close()

        server.kill()
        await server.wait()
        await server.start()

        client = await nats.connect(server.url)
        message = await client.jetstream().get_msg("S", 1)
        await client.close()

    assert before == server.url
    assert message.data == b"kept"


async def test_another_start_keeps_address_and_password(folder: Path) -> None:
    """A stack that is started again answers where it did and to the same password."""
    urls = []
    for _ in range(2):
        async with NatsServer(folder / "nats") as server:
            urls.append((server.url, server.monitor_url))

    assert urls[0] == urls[1]


async def test_taken_port_gives_way_to_the_next_free_one(folder: Path) -> None:
    """When something else took the port meanwhile, the server starts at another one and keeps that."""
    async with NatsServer(folder / "nats") as server:
        first = server.url
    with socket.create_server(("127.0.0.1", int(first.rsplit(":", 1)[1]))):
        async with NatsServer(folder / "nats") as server:
            second = server.url
    async with NatsServer(folder / "nats") as server:
        third = server.url

    assert first != second
    assert second == third


async def test_files_are_for_their_owner_only(folder: Path) -> None:
    """Password, ports, log and lock have mode 0600, and nobody else may look into the folder."""
    async with NatsServer(folder / "nats"):
        found = modes(folder / "nats")

    assert found == {
        "": 0o700,
        "lock": 0o600,
        "nats-server.log": 0o600,
        "password": 0o600,
        "ports.json": 0o600,
        "store": 0o700,
    }


async def test_second_server_on_the_same_data_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two servers on one store would destroy it: the second says who has it."""
    monkeypatch.setattr("rollbook.embedded.child.LOCK_PATIENCE", 0.0)
    async with NatsServer(folder / "nats") as server:
        with pytest.raises(DataInUseError, match=f"nats-server, process {server.pid}, since "):
            await NatsServer(folder / "nats").start()


async def test_cluster_replicates_to_three(nats_cluster_url: str) -> None:
    """A stream of three replicas is accepted: the three servers are one cluster."""
    client = await nats.connect(nats_cluster_url)
    stream = await client.jetstream().add_stream(StreamConfig(name="S", subjects=["s.>"], num_replicas=3))
    await client.close()

    assert stream.cluster is not None
    assert len(stream.cluster.replicas or []) == 2


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_begins_without_streams(nats_url: str, turn: int) -> None:
    """What one test leaves in JetStream is gone before the next."""
    client = await nats.connect(nats_url)
    with pytest.raises(NotFoundError):
        await client.jetstream().stream_info("LEFT")
    await client.jetstream().add_stream(StreamConfig(name="LEFT", subjects=["left.>"]))
    await client.close()
