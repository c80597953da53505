"""Pins on nats-server: the surprising answers that the log is built on, so that a version that answers otherwise shows.

One server and a cluster answer alike but where a test says so.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from types import MappingProxyType

import pytest
from nats.aio.client import Client

from rollbook.settings import Settings
from rollbook.streams import ensure_streams, topology
from rollbook_contracts.claims import ClaimKey
from rollbook_gateway.log.answers import Acked, Again, Failed, Outcome, Refused, interpret
from rollbook_gateway.log.connection import Connection, connect
from support.writes import claim, user

EXPECTED = "Nats-Expected-Last-Subject-Sequence"
EXPECTED_OF = f"{EXPECTED}-Subject"
STREAM = "PROVISIONING-00"
NOTHING: Mapping[str, str] = MappingProxyType({})


@pytest.fixture(name="connection", params=["one server", "cluster"])
async def _connection(request: pytest.FixtureRequest, servers_by_kind: Mapping[str, str]) -> AsyncIterator[Connection]:
    connection = await connect(servers_by_kind[request.param], name="test")
    await ensure_streams(connection, topology(Settings(partitions=1), ClaimKey(b"k" * 32)))
    yield connection
    await connection.close()


@pytest.fixture
def servers_by_kind(nats_url: str, nats_cluster_url: str) -> Mapping[str, str]:
    return {"one server": nats_url, "cluster": nats_cluster_url}


async def publish(
    client: Client, subject: str, expected: int | None = None, beside: Mapping[str, str] = NOTHING
) -> Outcome:
    """Publish one message; ``beside`` are the headers of a guard on another subject."""
    headers = {**beside} if expected is None else {EXPECTED: str(expected)}
    return interpret((await client.request(subject, b"{}", headers=headers, timeout=5)).data)


async def batch(
    client: Client,
    guards: Sequence[tuple[str, int | None]],
    skip: int | None = None,
    beside: Mapping[int, Mapping[str, str]] = MappingProxyType({}),
) -> Outcome:
    """Publish an atomic batch by nats-py's public means.

    ``skip`` is a position that gets lost on the way, ``beside`` the guards of positions on other subjects.
    """
    batch_id = uuid.uuid4().hex
    for position, (subject, expected) in enumerate(guards, start=1):
        headers = {"Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(position), **beside.get(position, NOTHING)}
        if expected is not None:
            headers[EXPECTED] = str(expected)
        if position == len(guards):
            # The server takes up what was sent before first: a thousand batches, each with files of its own.
            reply = await client.request(subject, b"{}", headers={**headers, "Nats-Batch-Commit": "1"}, timeout=30)
        elif position != skip:
            await client.publish(subject, b"{}", headers=headers)
    return interpret(reply.data)


def sequence_of(outcome: Outcome) -> int:
    """Return the sequence of an acknowledgement."""
    assert isinstance(outcome, Acked)
    return outcome.sequence


async def test_refusal_names_the_last_sequence_of_the_subject(connection: Connection) -> None:
    """10071 tells the sequence in the way, for one message and for a batch, and nothing of the batch is stored."""
    subject = claim()
    stored = sequence_of(await publish(connection, subject, 0))

    assert Refused(stored) == await publish(connection, subject, 0)
    assert Refused(stored) == await batch(connection, [(user(), 0), (subject, 0), (claim(), 0)])
    assert stored + 1 == sequence_of(await publish(connection, user(), 0))


async def test_refusal_says_zero_where_the_subject_is_empty(connection: Connection) -> None:
    """10071 with 0: the guard names a message and the subject has none."""
    assert Refused(0) == await publish(connection, user(), 7)
    assert Refused(0) == await batch(connection, [(user(), 0), (user(), 7)])


async def test_second_guard_on_a_subject_of_the_batch_is_refused_without_a_number(connection: Connection) -> None:
    """10164 says nothing about the log: a batch may guard a subject on its first message alone."""
    subject = user()

    assert Refused(None) == await batch(connection, [(subject, 0), (subject, 0)])
    assert isinstance(await batch(connection, [(subject, 0), (subject, None)]), Acked)


def guarding(subject: str, expected: int) -> dict[str, str]:
    """Return the headers of a guard on another subject than the message's own."""
    return {EXPECTED: str(expected), EXPECTED_OF: subject}


async def test_guard_on_another_subject_is_checked_like_its_own(connection: Connection) -> None:
    """For one message and in a batch; 10071 names that subject's last sequence, and several may guard it."""
    subject = user()
    stood = sequence_of(await publish(connection, subject, 0))

    assert isinstance(await publish(connection, user(), beside=guarding(subject, stood)), Acked)
    assert Refused(stood) == await publish(connection, user(), beside=guarding(subject, stood + 1))
    twice = [(user(), None), (user(), None)]
    both = {1: guarding(subject, stood), 2: guarding(subject, stood)}
    assert isinstance(await batch(connection, twice, beside=both), Acked)
    assert Refused(stood) == await batch(connection, twice, beside={**both, 2: guarding(subject, 0)})


async def test_guard_on_another_subject_of_the_batch_is_refused_behind_it_and_holds_before_it(
    connection: Connection,
) -> None:
    """10164 where the batch wrote the subject already: no write of the log guards beside it what it writes."""
    for behind in (True, False):
        subject = user()
        messages = [(subject, 0), (user(), None)] if behind else [(user(), None), (subject, 0)]

        outcome = await batch(connection, messages, beside={2 if behind else 1: guarding(subject, 0)})

        assert (Refused(None) == outcome) is behind


@pytest.mark.parametrize(("kind", "free"), [("one server", True), ("cluster", False)])
async def test_a_cluster_refuses_who_guards_what_another_guards_just_now(
    servers_by_kind: Mapping[str, str], kind: str, free: bool
) -> None:
    """10164 while another message that guards the subject is on its way: why creations do not guard the tenant's."""
    connections = [await connect(servers_by_kind[kind], name="test") for _ in range(2)]
    await ensure_streams(connections[0], topology(Settings(partitions=1), ClaimKey(b"k" * 32)))
    subject = user()
    stood = sequence_of(await publish(connections[0], subject, 0))

    outcomes = await asyncio.gather(
        *(
            publish(connection, user(), beside=guarding(subject, stood))
            for connection in connections
            for _ in range(100)
        )
    )

    assert (Refused(None) not in outcomes) is free
    assert all(isinstance(outcome, Acked) or outcome == Refused(None) for outcome in outcomes)
    for connection in connections:
        await connection.close()


async def test_batch_that_lost_a_message_is_given_up(connection: Connection) -> None:
    """10176: a gap spoils the whole batch, which may be sent again."""
    outcome = await batch(connection, [(user(), 0), (user(), 0), (user(), 0)], skip=2)

    assert isinstance(outcome, Again)


async def test_batch_of_a_thousand_and_one_is_refused(connection: Connection) -> None:
    """10199: the limit on messages is the server's."""
    assert isinstance(await batch(connection, [(user(), None) for _ in range(1000)]), Acked)
    assert isinstance(await batch(connection, [(user(), None) for _ in range(1001)]), Failed)


async def test_message_id_seen_before_refuses_a_batch(connection: Connection) -> None:
    """10201: why the log does not use Nats-Msg-Id; it is stream-wide and hides what became of the batch."""
    batch_id, subject = uuid.uuid4().hex, user()
    headers = {"Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": "1", "Nats-Batch-Commit": "1", "Nats-Msg-Id": batch_id}
    first = interpret((await connection.request(subject, b"{}", headers=headers, timeout=5)).data)
    second = interpret((await connection.request(user(), b"{}", headers=headers, timeout=5)).data)

    assert isinstance(first, Acked)
    assert isinstance(second, Failed)
    assert "10201" in second.reason


async def test_sequences_of_a_batch_are_contiguous_beside_other_publishers(connection: Connection) -> None:
    """The acknowledgement's sequence is the last one's; single messages never come between those of a batch."""
    subjects = [user() for _ in range(20)]

    outcome, *_ = await asyncio.gather(
        batch(connection, [(subject, 0) for subject in subjects]),
        *(publish(connection, user(), 0) for _ in range(20)),
    )

    last = sequence_of(outcome)
    found = [
        (await connection.jetstream().get_msg(STREAM, sequence)).subject
        for sequence in range(last - len(subjects) + 1, last + 1)
    ]
    assert subjects == found


async def test_first_message_beyond_a_guard_can_be_asked_for(connection: Connection) -> None:
    """The read-back rests on STREAM.MSG.GET with seq and next_by_subj; it answers 10037 where there is none."""
    subject = user()
    first = sequence_of(await publish(connection, subject, 0))
    second = sequence_of(await publish(connection, subject, first))
    sequence_of(await publish(connection, subject, second))

    found = await connection.request(
        f"$JS.API.STREAM.MSG.GET.{STREAM}", f'{{"seq":{first + 1},"next_by_subj":"{subject}"}}'.encode(), timeout=5
    )
    none = await connection.request(
        f"$JS.API.STREAM.MSG.GET.{STREAM}", f'{{"seq":{second + 2},"next_by_subj":"{subject}"}}'.encode(), timeout=5
    )

    assert f'"seq":{second}'.encode() in found.data
    assert b'"err_code":10037' in none.data


async def test_full_stream_says_so(nats_url: str) -> None:
    """10077 has the code of an outage, but it is the stream's byte limit: nothing passes by waiting."""
    connection = await connect(nats_url, name="test")
    await connection.jetstream().add_stream(name=STREAM, subjects=["fact.>"], max_bytes=10_000, discard="new")

    outcomes = [await publish(connection, user()) for _ in range(200)]

    assert Failed("maximum bytes exceeded") == outcomes[-1]
    await connection.close()


@pytest.mark.parametrize("open_batches", [1100])
async def test_too_many_open_batches_are_refused_for_now(nats_url: str, open_batches: int) -> None:
    """10210: batches that were begun and not finished fill the server's table; those after them come again later."""
    connection = await connect(nats_url, name="test")
    await ensure_streams(connection, topology(Settings(partitions=1), ClaimKey(b"k" * 32)))
    for number in range(open_batches):
        headers = {"Nats-Batch-Id": f"open-{number}", "Nats-Batch-Sequence": "1"}
        await connection.publish(user(), b"{}", headers=headers)

    assert isinstance(await batch(connection, [(user(), 0), (user(), 0)]), Again)
    await connection.close()
