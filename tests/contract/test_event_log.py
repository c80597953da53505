"""What every event log does: one suite for the log in memory, JetStream on one server and on a cluster of three."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from rollbook.embedded.nats_server import NatsServer
from rollbook.settings import Settings
from rollbook.streams import ensure_streams, topology
from rollbook_contracts.claims import ClaimKey
from rollbook_gateway.log.connection import connect
from rollbook_gateway.log.jetstream import JetStreamEventLog
from rollbook_gateway.log.memory import MemoryEventLog
from rollbook_gateway.log.port import EventLog, Message, RefusedError, Stored, Write
from support import servers
from support.writes import chain, claim, conditional, message, unique, user, write

PARTITIONS = 2


def soon(seconds: float = 20.0) -> float:
    """Return a deadline that a loaded machine keeps, too."""
    return asyncio.get_running_loop().time() + seconds


async def append(log: EventLog, *guards: tuple[str, int | None]) -> int:
    """Append one write of the given subjects and guards."""
    return await log.append(write(*guards), deadline=soon())


async def everything(log: EventLog, after: int, partition: int = 0) -> list[Stored]:
    """Return what the log holds beyond a sequence."""
    head = await log.head(partition)
    found = await asyncio.gather(*(log.at(partition, sequence) for sequence in range(after + 1, head + 1)))
    return [stored for stored in found if stored is not None]


class EventLogBehaviour:
    """The suite; a subclass lends the log."""

    async def test_sequence_of_the_last_message_is_returned(self, log: EventLog) -> None:
        """The messages of a write stand one behind the other, and its caller learns where the last one stands."""
        before = await log.head(0)
        subjects = [claim(), claim(), user()]

        sequence = await append(log, *((subject, 0) for subject in subjects))

        assert sequence == before + 3
        found = [await log.at(0, before + position) for position in (1, 2, 3)]
        assert subjects == [stored.subject for stored in found if stored]

    async def test_message_is_read_as_it_was_written(self, log: EventLog) -> None:
        """Subject, sequence, headers and body come back, whatever bytes the body holds."""
        body, subject = bytes(range(256)), user()
        headers = {"ce-type": "user.created.v1", "ce-requestid": "r", "ce-empty": "", "ce-note": "a: b, Zoë"}

        sequence = await log.append(Write(0, "r", (Message(subject, headers, body, 0),)), deadline=soon())

        by_subject, by_sequence = await log.last(0, subject), await log.at(0, sequence)
        assert by_subject is not None
        assert by_subject == by_sequence
        assert (subject, sequence, body) == (by_subject.subject, by_subject.sequence, by_subject.body)
        assert headers.items() <= by_subject.headers.items()

    async def test_nothing_is_read_where_nothing_stands(self, log: EventLog) -> None:
        """A subject without a message and a sequence beyond the head are no errors."""
        assert await log.last(0, user()) is None
        assert await log.at(0, await log.head(0) + 1) is None

    async def test_last_message_of_a_subject_is_the_newest(self, log: EventLog) -> None:
        """A second message on a subject takes the place of the first as its last one."""
        subject = user()
        first = await append(log, (subject, 0))
        second = await append(log, (subject, first))

        last = await log.last(0, subject)

        assert last is not None
        assert second == last.sequence

    async def test_subject_that_must_be_new_is_refused_when_it_is_not(self, log: EventLog) -> None:
        """Guard 0 on a subject in use is refused with the subject and its last sequence."""
        subject = claim()
        first = await append(log, (subject, 0), (user(), 0))

        with pytest.raises(RefusedError) as refused:
            await append(log, (subject, 0), (user(), 0))

        assert (subject, first - 1) == (refused.value.subject, refused.value.last)

    async def test_lone_message_with_a_stale_guard_is_refused(self, log: EventLog) -> None:
        """A write of one message is refused with the subject and its last sequence."""
        subject = user()
        first = await append(log, (subject, 0))
        second = await append(log, (subject, first))

        with pytest.raises(RefusedError) as refused:
            await append(log, (subject, first))

        assert (subject, second) == (refused.value.subject, refused.value.last)

    @pytest.mark.parametrize("others", [0, 2])
    async def test_guard_on_what_is_not_there_is_refused(self, log: EventLog, others: int) -> None:
        """A guard that names a message where there is none is refused with sequence 0."""
        subject = user()

        with pytest.raises(RefusedError) as refused:
            await append(log, (subject, 5), *((claim(), 0) for _ in range(others)))

        assert (subject, 0) == (refused.value.subject, refused.value.last)

    async def test_refused_write_leaves_nothing(self, log: EventLog) -> None:
        """One stale guard keeps all messages of its write out."""
        taken = claim()
        await append(log, (taken, 0))
        before = await log.head(0)

        with pytest.raises(RefusedError):
            await append(log, (claim(), 0), (user(), 0), (taken, 0))

        assert before == await log.head(0)

    async def test_released_claim_is_taken_with_the_sequence_of_its_release(self, log: EventLog) -> None:
        """Taken, released, taken again: each is guarded by its predecessor, and no other guard holds."""
        subject = claim()
        taken = await append(log, (subject, 0))
        released = await append(log, (subject, taken))

        for stale in (0, taken):
            with pytest.raises(RefusedError):
                await append(log, (subject, stale), (user(), 0))
        again = await append(log, (user(), 0), (subject, released))

        last = await log.last(0, subject)
        assert last is not None
        assert again == last.sequence

    async def test_subject_may_be_written_twice_behind_one_guard(self, log: EventLog) -> None:
        """A write may hold two messages for a subject when the guard stands on the first."""
        subject = user()

        sequence = await append(log, (subject, 0), (claim(), 0), (subject, None))

        last = await log.last(0, subject)
        assert last is not None
        assert sequence == last.sequence

    async def test_write_that_could_be_stored_twice_is_a_mistake(self, log: EventLog) -> None:
        """A write without a guard, with a guard behind a bare message, or of 1,001 messages is not even tried."""
        subject = user()
        before = await log.head(0)

        for guards in ([(subject, None)], [(subject, None), (subject, 0)], [(user(), 0) for _ in range(1001)]):
            with pytest.raises(ValueError, match="write"):
                await append(log, *guards)

        assert before == await log.head(0)

    async def test_guard_beside_the_write_lets_it_in_and_leaves_the_subject_alone(self, log: EventLog) -> None:
        """A write may guard a subject that it does not write; 0 means that nothing stands there."""
        written, left = user(), user()
        stood = await append(log, (left, 0))

        first = await log.append(conditional((written, 0), (left, stood)), deadline=soon())
        second = await log.append(conditional((written, first), (user(), 0)), deadline=soon())

        last = await log.last(0, left)
        assert last is not None
        assert (stood, first + 2) == (last.sequence, second)

    @pytest.mark.parametrize("stale", [0, 1])
    async def test_guard_beside_the_write_keeps_it_out(self, log: EventLog, stale: int) -> None:
        """Where the subject has moved nothing is stored, and the refusal names that subject and its last sequence."""
        written, left = user(), user()
        first = await append(log, (left, 0))
        moved = await append(log, (left, first))

        with pytest.raises(RefusedError) as refused:
            await log.append(conditional((written, 0), (left, first * stale)), deadline=soon())

        assert (left, moved) == (refused.value.subject, refused.value.last)
        assert await log.last(0, written) is None

    async def test_writes_that_guard_one_subject_beside_them_are_all_stored(self, log: EventLog) -> None:
        """Who only guards a subject is in nobody's way; of those at once who know it wrongly each is told so."""
        left = user()
        stood = await append(log, (left, 0))

        outcomes = await asyncio.gather(
            *(log.append(conditional((user(), 0), (left, stood * (n % 5 > 0))), deadline=soon()) for n in range(40)),
            return_exceptions=True,
        )

        assert [isinstance(outcome, int) for outcome in outcomes] == [n % 5 > 0 for n in range(40)]
        refusals = [outcome for outcome in outcomes if isinstance(outcome, RefusedError)]
        assert {(left, stood)} == {(refusal.subject, refusal.last) for refusal in refusals}

    async def test_of_two_writes_that_each_guard_what_the_other_writes_one_is_stored(self, log: EventLog) -> None:
        """Neither is stored on a state that the other has changed."""
        for _ in range(20):
            one, other = user(), user()
            stood = await append(log, (one, 0), (other, 0))

            outcomes = await asyncio.gather(
                log.append(conditional((one, stood - 1), (other, stood)), deadline=soon()),
                log.append(conditional((other, stood), (one, stood - 1)), deadline=soon()),
                return_exceptions=True,
            )

            assert sorted(isinstance(outcome, RefusedError) for outcome in outcomes) == [False, True]

    async def test_guard_beside_the_write_alone_is_a_mistake(self, log: EventLog) -> None:
        """It keeps no second copy out; and what a write writes it guards by its first message there."""
        subject, left, request = user(), user(), unique("req")
        lone = message(subject, 0, request, beside=left)
        for messages in ((lone,), (message(left, 0, request), message(subject, 0, request), lone)):
            with pytest.raises(ValueError, match="guard"):
                await log.append(Write(0, request, messages), deadline=soon())

    async def test_write_of_a_thousand_messages_is_stored(self, log: EventLog) -> None:
        """The largest write goes through beside others."""
        before = await log.head(0)

        await asyncio.gather(append(log, *((user(), 0) for _ in range(1000))), append(log, (user(), 0), (claim(), 0)))

        assert before + 1002 == await log.head(0)

    async def test_one_of_two_writes_on_a_subject_is_stored(self, log: EventLog) -> None:
        """Of two at the same time the later is refused, with the sequence of the earlier."""
        subject = claim()

        outcomes = await asyncio.gather(
            *(append(log, (user(), 0), (subject, 0)) for _ in range(2)),
            return_exceptions=True,
        )

        stored = [outcome for outcome in outcomes if isinstance(outcome, int)]
        refused = [outcome for outcome in outcomes if isinstance(outcome, RefusedError)]
        assert [(subject, stored[0])] == [(refusal.subject, refusal.last) for refusal in refused]

    async def test_write_behind_a_refused_one_goes_on(self, log: EventLog) -> None:
        """A write that waited for another on its subject is stored when that one is refused for a reason of its own."""
        taken, subject = claim(), user()
        await append(log, (taken, 0))

        refused, stored = await asyncio.gather(
            append(log, (taken, 0), (subject, 0)),
            append(log, (claim(), 0), (subject, 0)),
            return_exceptions=True,
        )

        assert isinstance(refused, RefusedError)
        assert taken == refused.subject
        last = await log.last(0, subject)
        assert last is not None
        assert stored == last.sequence

    async def test_culprits_alone_are_refused(self, log: EventLog) -> None:
        """Among many writes at once those with a stale guard are refused, each for its own subject, and no others."""
        taken = [claim() for _ in range(5)]
        sequences = [await append(log, (subject, 0)) for subject in taken]
        bad = [write((user(), 0), (subject, 0), (claim(), 0)) for subject in taken]
        good = [write((user(), 0), (claim(), 0), (claim(), 0)) for _ in range(40)]
        mixed = random.Random(7).sample([*bad, *good], 45)

        outcomes = dict(
            zip(
                (each.request_id for each in mixed),
                await asyncio.gather(*(log.append(each, deadline=soon()) for each in mixed), return_exceptions=True),
                strict=True,
            )
        )

        refusals = [outcomes[each.request_id] for each in bad]
        assert all(isinstance(refusal, RefusedError) for refusal in refusals)
        expected = list(zip(taken, sequences, strict=True))
        assert expected == [
            (refusal.subject, refusal.last) for refusal in refusals if isinstance(refusal, RefusedError)
        ]
        assert all(isinstance(outcomes[each.request_id], int) for each in good)

    async def test_five_hundred_writers_at_once(self, log: EventLog) -> None:
        """Every write is stored once and whole or refused, never lost or doubled; no value has two holders."""
        before = await log.head(0)
        values = [claim() for _ in range(200)]
        pick = random.Random(11)
        writes = [
            write((pick.choice(values), 0), (user(), 0))
            if number % 2
            else write((claim(), 0), (claim(), 0), (user(), 0))
            for number in range(500)
        ]

        outcomes = await asyncio.gather(*(log.append(each, deadline=soon()) for each in writes), return_exceptions=True)

        stored = {
            each.request_id: outcome for each, outcome in zip(writes, outcomes, strict=True) if isinstance(outcome, int)
        }
        assert all(isinstance(outcome, int | RefusedError) for outcome in outcomes)
        found = await everything(log, before)
        by_request = Counter(each.headers["ce-requestid"] for each in found)
        assert {each.request_id: len(each.messages) for each in writes if each.request_id in stored} == by_request
        last_of = {each.headers["ce-requestid"]: each.sequence for each in found}
        assert stored == last_of
        holders = Counter(each.subject for each in found)
        assert set(holders.values()) == {1}
        contested = {message.subject for each in writes for message in each.messages} & set(values)
        assert contested <= set(holders), "each contested value has a holder"

    async def test_cancelled_caller_has_written(self, log: EventLog) -> None:
        """A client that disconnects cancels its request, never its write."""
        subject = user()
        caller = asyncio.create_task(append(log, (subject, 0), (claim(), 0)))
        await asyncio.sleep(0)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller

        async with asyncio.timeout(10):
            while await log.last(0, subject) is None:  # noqa: ASYNC110  # the log tells nobody
                await asyncio.sleep(0)

    async def test_heads_asked_at_once_see_what_is_stored(self, log: EventLog) -> None:
        """A head is never older than a write acknowledged before the question, also where many share an answer."""

        async def write_and_look() -> bool:
            sequence = await append(log, (user(), 0), (claim(), 0))
            return await log.head(0) >= sequence

        assert all(await asyncio.gather(*(write_and_look() for _ in range(100))))

    async def test_partitions_have_sequences_of_their_own(self, log: EventLog) -> None:
        """A write counts in its partition alone."""
        heads = [await log.head(partition) for partition in range(PARTITIONS)]
        subject = user(partition=1)

        sequence = await log.append(write((subject, 0), partition=1), deadline=soon())

        assert heads[1] + 1 == sequence
        assert [heads[0], sequence] == [await log.head(partition) for partition in range(PARTITIONS)]
        assert await log.last(0, subject) is None

    async def test_chain_of_several_requests_is_stored_as_one_write(self, log: EventLog) -> None:
        """Messages of different requests stand one behind the other behind one guard, each under its own request."""
        subject, requests = user(), [unique("req") for _ in range(1000)]

        sequence = await log.append(chain(subject, 0, *requests), deadline=soon())

        found = await everything(log, sequence - len(requests))
        assert [(subject, each) for each in requests] == [(s.subject, s.headers["ce-requestid"]) for s in found[-1000:]]
        assert sequence == found[-1].sequence

    async def test_chain_is_refused_as_a_whole_and_stored_behind_what_came_first(self, log: EventLog) -> None:
        """A stale guard keeps all of a chain out; with the sequence that the refusal names all of it is stored."""
        subject, requests = user(), [unique("req") for _ in range(3)]
        first = await append(log, (subject, 0))
        before = await log.head(0)

        with pytest.raises(RefusedError) as refused:
            await log.append(chain(subject, 0, *requests), deadline=soon())

        assert (subject, first, before) == (refused.value.subject, refused.value.last, await log.head(0))
        again = await log.append(chain(subject, refused.value.last, *requests), deadline=soon())
        assert before + 3 == again

    async def test_chains_of_two_processes_are_all_kept(self, log: EventLog) -> None:
        """Two that append to one subject, each behind what it was told last, lose and double nothing."""
        subject = user()

        async def process() -> list[str]:
            requests, last = [], 0
            for _ in range(20):
                mine = [unique("req") for _ in range(3)]
                requests += mine
                while True:
                    try:
                        last = await log.append(chain(subject, last, *mine), deadline=soon())
                        break
                    except RefusedError as refusal:
                        last = refusal.last
            return requests

        before = await log.head(0)
        written = [request for requests in await asyncio.gather(process(), process()) for request in requests]

        found = [each.headers["ce-requestid"] for each in await everything(log, before) if each.subject == subject]
        assert Counter(written) == Counter(found)
        assert set(Counter(found).values()) == {1}

    async def test_equal_names_of_requests_are_told_apart_by_their_guards(self, log: EventLog) -> None:
        """A request may write twice under its id: what it wrote first is not taken for its second write."""
        request_id, subject = unique("req"), user()
        first = await log.append(Write(0, request_id, (message(subject, 0, request_id),)), deadline=soon())

        second = await log.append(Write(0, request_id, (message(subject, first, request_id),)), deadline=soon())

        assert second > first


class TestMemory(EventLogBehaviour):
    @pytest.fixture
    def log(self) -> EventLog:
        return MemoryEventLog(PARTITIONS)


@asynccontextmanager
async def jetstream_log(url: str) -> AsyncIterator[EventLog]:
    """Lend a log with its streams, and leave the server without them."""
    connection = await connect(url, name="test")
    await ensure_streams(connection, topology(Settings(partitions=PARTITIONS), ClaimKey(b"k" * 32)))
    log = JetStreamEventLog(connection, PARTITIONS)
    await log.open()
    yield log
    await log.close()
    await connection.close()
    await servers.delete_streams(url)


@pytest.fixture(scope="module")
async def log_on_one_server(nats_server: NatsServer) -> AsyncIterator[EventLog]:
    async with jetstream_log(nats_server.url) as log:
        yield log


@pytest.fixture(scope="module")
async def log_on_a_cluster(nats_cluster: list[NatsServer]) -> AsyncIterator[EventLog]:
    # Not the first member: leaders stand anywhere, and answers come over routes, too.
    async with jetstream_log(nats_cluster[1].url) as log:
        yield log


class TestJetStreamOnOneServer(EventLogBehaviour):
    @pytest.fixture
    def log(self, log_on_one_server: EventLog) -> EventLog:
        return log_on_one_server


class TestJetStreamOnACluster(EventLogBehaviour):
    @pytest.fixture
    def log(self, log_on_a_cluster: EventLog) -> EventLog:
        return log_on_a_cluster
