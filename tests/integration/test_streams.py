"""The streams of a deployment against real servers: first start, checks, refusals; services/rollbook/streams.py."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from rollbook.errors import CommandError
from rollbook.settings import Settings
from rollbook.streams import ensure_streams, recorded_partitions, replicas_in_force, topology
from rollbook_contracts.claims import ClaimKey
from rollbook_contracts.facts.codec import decode_envelope, decode_fact
from rollbook_contracts.facts.system import EpochStarted
from rollbook_contracts.streams import REQUESTS, Topology
from rollbook_gateway.log.connection import Connection, connect
from rollbook_gateway.log.jetstream import JetStreamEventLog

KEY = ClaimKey(b"k" * 32)
ASKED = topology(Settings(partitions=2), KEY)


@pytest.fixture(name="connection")
async def _connection(nats_url: str) -> AsyncIterator[Connection]:
    connection = await connect(nats_url, name="test")
    yield connection
    await connection.close()


async def api(connection: Connection, method: str, body: object = None) -> dict[str, object]:
    reply = await connection.request(f"$JS.API.{method}", json.dumps(body or {}).encode(), timeout=5)
    answer: dict[str, object] = json.loads(reply.data)
    assert "error" not in answer, answer
    return answer


async def epochs(connection: Connection, partitions: int) -> list[int]:
    """Return the epochs that stand as first message in each partition."""
    log = JetStreamEventLog(connection, partitions)
    await log.open()
    found = []
    for partition in range(partitions):
        assert await log.head(partition) == 1
        first = await log.at(partition, 1)
        assert first is not None
        assert decode_envelope(first.headers).subject == f"partition-{partition:02d}"
        fact = decode_fact(first.headers, first.body)
        assert isinstance(fact, EpochStarted)
        assert (partition, partitions, KEY.fingerprint) == (fact.partition, fact.partitions, fact.claim_key_fingerprint)
        found.append(fact.epoch)
    await log.close()
    return found


async def test_first_start_makes_streams_and_the_first_epoch(connection: Connection) -> None:
    """Where there is nothing, all streams are made, each partition beginning with epoch 1, and the count recorded."""
    assert await recorded_partitions(connection) is None

    in_force = await ensure_streams(connection, ASKED)

    assert replace(ASKED, replicas=1) == in_force
    assert await epochs(connection, 2) == [1, 1]
    assert await recorded_partitions(connection) == 2


async def test_processes_that_start_at_once_make_one_log(connection: Connection) -> None:
    """Three first starts at the same moment agree, and each partition has one epoch."""
    results = await asyncio.gather(*(ensure_streams(connection, ASKED) for _ in range(3)))

    assert len(set(map(repr, results))) == 1
    assert await epochs(connection, 2) == [1, 1]


async def test_recorded_partitions_go_before_those_asked_for(connection: Connection) -> None:
    """A later start that asks for another number gets the number that the log was made with."""
    await ensure_streams(connection, ASKED)

    in_force = await ensure_streams(connection, replace(ASKED, partitions=7))

    assert in_force.partitions == 2


async def test_first_start_that_was_cut_off_is_completed(connection: Connection) -> None:
    """Streams without a message, left by a first start that died, are no obstacle."""
    await ensure_streams(connection, ASKED)
    await api(connection, "STREAM.DELETE.PROVISIONING-00")
    await api(connection, "STREAM.DELETE.PROVISIONING-01")
    await api(connection, "STREAM.CREATE.PROVISIONING-00", replace(ASKED, replicas=1).log_streams()[0].config())

    await ensure_streams(connection, ASKED)

    assert await epochs(connection, 2) == [1, 1]


async def test_other_claim_key_is_refused(connection: Connection) -> None:
    """A process with another claim key would take every value a second time: it is told which key to use."""
    await ensure_streams(connection, ASKED)
    other = topology(Settings(partitions=2), ClaimKey(b"o" * 32))

    with pytest.raises(CommandError, match=r"rollbook-claim-key.*\n.*ROLLBOOK_CLAIM_KEY"):
        await ensure_streams(connection, other)


async def test_changed_stream_is_refused_with_its_differences(connection: Connection) -> None:
    """A stream that would forget is refused, with the setting, its value and the right one."""
    in_force = await ensure_streams(connection, ASKED)
    config = in_force.log_streams()[1].config() | {"max_age": 3_600_000_000_000}
    await api(connection, "STREAM.UPDATE.PROVISIONING-01", config)

    with pytest.raises(CommandError, match="PROVISIONING-01: max_age is 3600000000000, must be 0"):
        await ensure_streams(connection, ASKED)


async def test_lost_stream_is_not_made_again(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log of which a stream is gone is refused: an empty one in its place would hide the loss."""
    monkeypatch.setattr("rollbook.streams._PATIENCE", 0.3)
    await ensure_streams(connection, ASKED)
    await api(connection, "STREAM.DELETE.PROVISIONING-01")

    with pytest.raises(CommandError, match="a part is missing: PROVISIONING-01"):
        await ensure_streams(connection, ASKED)


async def test_stream_of_requests_is_made_where_it_is_missing(connection: Connection) -> None:
    """A log from before there was one, or that lost it, gets it without a question: nothing it held was promised."""
    in_force = await ensure_streams(connection, ASKED)
    await api(connection, f"STREAM.DELETE.{REQUESTS}")

    await asyncio.gather(*(ensure_streams(connection, ASKED) for _ in range(3)))

    info = await api(connection, f"STREAM.INFO.{REQUESTS}")
    assert in_force.requests_stream().differences(info["config"]) == []  # type: ignore[arg-type]  # JSON


async def test_stream_of_requests_that_differs_is_refused(connection: Connection) -> None:
    """It is checked as the others are."""
    in_force = await ensure_streams(connection, ASKED)
    await api(connection, f"STREAM.UPDATE.{REQUESTS}", in_force.requests_stream().config() | {"max_age": 0})

    with pytest.raises(CommandError, match=f"{REQUESTS}: max_age is 0, must be 604800000000000"):
        await ensure_streams(connection, ASKED)


async def test_cluster_gets_three_replicas_unless_told_otherwise(nats_cluster_url: str) -> None:
    """On a cluster the log is replicated three times without being asked."""
    connection = await connect(nats_cluster_url, name="test")

    in_force: Topology = await ensure_streams(connection, ASKED)

    assert in_force.replicas == 3
    assert await epochs(connection, 2) == [1, 1]
    assert await replicas_in_force(connection, Settings()) == 3
    await connection.close()


async def test_streams_whose_leader_does_not_answer_yet_are_waited_for(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster that just made them lists them without telling of them: the second of two projectors waits."""
    answer = connection.request
    lists: list[str] = []

    async def request(subject: str, payload: bytes = b"", **more: Any) -> Any:
        if subject.endswith("STREAM.LIST") and len(lists) < 3:
            lists.append(subject)
            body = {"total": 1, "offset": 0, "limit": 256, "streams": [], "missing": ["CHANGES"]}
            return SimpleNamespace(data=json.dumps(body).encode())
        return await answer(subject, payload, **more)

    monkeypatch.setattr(connection, "request", request)
    await ensure_streams(connection, ASKED)

    assert len(lists) == 3
    assert await epochs(connection, 2) == [1, 1]
