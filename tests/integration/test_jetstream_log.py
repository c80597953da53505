"""The event log on JetStream when servers pause, die and lose answers: nothing acknowledged is lost, none doubled."""

import asyncio
import itertools
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from rollbook.embedded.nats_server import NatsServer
from rollbook.settings import Settings
from rollbook.streams import ensure_streams, topology
from rollbook_contracts.claims import ClaimKey
from rollbook_gateway.log.coalescer import Limits
from rollbook_gateway.log.connection import connect
from rollbook_gateway.log.jetstream import JetStreamEventLog
from rollbook_gateway.log.lane import Lane
from rollbook_gateway.log.port import EventLog, RefusedError, Stored, TooLargeError, UnavailableError, Write
from rollbook_gateway.log.reads import LeaderReads
from rollbook_gateway.log.wire import UnansweredError, Wire
from support import servers
from support.writes import claim, message, unique, user, write

QUICK = Limits(attempt=0.3)


def within(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


@asynccontextmanager
async def opened(url: str, limits: Limits = QUICK) -> AsyncIterator[JetStreamEventLog]:
    """Lend a log of one partition, over a connection of its own."""
    connection = await connect(url, name="test")
    await ensure_streams(connection, topology(Settings(partitions=1), ClaimKey(b"k" * 32)))
    log = JetStreamEventLog(connection, 1, limits)
    await log.open()
    try:
        yield log
    finally:
        await log.close()
        await connection.close()


@pytest.fixture
async def server(folder: Path) -> AsyncIterator[NatsServer]:
    """Run a server of this test's own, to be paused and killed."""
    async with NatsServer(folder / "nats") as own:
        yield own


async def everything(log: EventLog) -> list[Stored]:
    """Return the whole log; a cluster that elects answers no questions, for longer than a read's patience."""
    async with asyncio.timeout(30):
        while True:
            with suppress(UnavailableError):
                found = []
                for first in range(1, await log.head(0) + 1, 200):
                    found += await asyncio.gather(*(log.at(0, first + place) for place in range(200)))
                return [stored for stored in found if stored is not None]


def pause(server: NatsServer) -> None:
    os.kill(server.pid, signal.SIGSTOP)


def resume(server: NatsServer) -> None:
    os.kill(server.pid, signal.SIGCONT)


@pytest.mark.parametrize("messages", [1, 3])
async def test_paused_server_means_unavailable_at_the_deadline(server: NatsServer, messages: int) -> None:
    """The caller hears in time; what the server still finds in its buffers is stored once at most, as is the repeat."""
    async with opened(server.url) as log:
        subjects = [user() for _ in range(messages)]
        begun = asyncio.get_running_loop().time()
        pause(server)

        with pytest.raises(UnavailableError):
            await log.append(write(*((subject, 0) for subject in subjects)), deadline=within(1.0))
        waited = asyncio.get_running_loop().time() - begun
        resume(server)
        with suppress(RefusedError):  # what the first caller was not told about may be there
            await log.append(write(*((subject, 0) for subject in subjects)), deadline=within(10))

        assert 0.9 < waited < 1.5
        assert dict.fromkeys(subjects, 1) == Counter(s.subject for s in await everything(log) if s.subject in subjects)


async def test_pause_shorter_than_the_deadline_is_not_seen(server: NatsServer) -> None:
    """Writes under way when the server stops for a second are stored once each, and their callers learn where."""
    async with opened(server.url) as log:
        writes = [write((claim(), 0), (claim(), 0), (user(), 0)) for _ in range(30)]
        pause(server)
        appends = [asyncio.create_task(log.append(each, deadline=within(15))) for each in writes]
        await asyncio.sleep(1.0)
        resume(server)
        sequences = await asyncio.gather(*appends)

        found = await everything(log)
        last = {stored.headers["ce-requestid"]: stored.sequence for stored in found}
        assert {
            each.request_id: sequence for each, sequence in zip(writes, sequences, strict=True)
        }.items() <= last.items()
        assert len(found) == 1 + 3 * len(writes)


async def test_server_killed_under_load(server: NatsServer, rounds: int) -> None:
    """Over kill -9 and restart nothing acknowledged is lost, nothing is doubled, and what is refused is not there."""
    async with opened(server.url) as log:
        load = Load(log)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(16):
                tasks.create_task(load.run())
            for _ in range(rounds):
                await load.progress(100)
                server.kill()
                await server.wait()
                await server.start()
            await load.progress(100)
            load.stop()

        load.check(await everything(log))


async def test_leader_of_a_cluster_steps_down_under_load(nats_cluster_url: str, rounds: int) -> None:
    """Over changes of the leader nothing acknowledged is lost, nothing is doubled, and what is refused is not there."""
    connection = await connect(nats_cluster_url, name="operator")
    async with opened(nats_cluster_url) as log:
        load = Load(log)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(16):
                tasks.create_task(load.run())
            for _ in range(rounds):
                await load.progress(100)
                await connection.request("$JS.API.STREAM.LEADER.STEPDOWN.PROVISIONING-00", b"", timeout=5)
            await load.progress(100)
            load.stop()

        load.check(await everything(log))
    await connection.close()


@pytest.mark.timeout(300)
async def test_member_of_a_cluster_killed_under_load(folder: Path, rounds: int) -> None:
    """With one server of three gone the log goes on, over whichever server it was connected to."""
    async with servers.nats_cluster(folder) as members, opened(",".join(each.url for each in members)) as log:
        load = Load(log, patience=30)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(16):
                tasks.create_task(load.run())
            for member in itertools.islice(itertools.cycle(members), rounds):
                await load.progress(100)
                member.kill()
                await load.progress(100)
                await member.wait()
                await member.start()
            await load.progress(100)
            load.stop()

        load.check(await everything(log))


@pytest.mark.parametrize("kind", ["one server", "cluster"])
async def test_two_gateways_want_the_same_values(nats_url: str, nats_cluster_url: str, kind: str) -> None:
    """Two processes that race for every value share them out: each has one holder, and only losers are refused."""
    url = nats_url if kind == "one server" else nats_cluster_url
    async with opened(url) as one, opened(url) as other:
        values = [claim() for _ in range(150)]
        writes = [(log, write((value, 0), (user(), 0))) for value in values for log in (one, other)]
        outcomes = await asyncio.gather(
            *(log.append(each, deadline=within(20)) for log, each in writes), return_exceptions=True
        )

        found = await everything(one)
        holders = {s.subject: s.headers["ce-requestid"] for s in found}
        assert len(found) == 1 + 2 * len(values)
        for (_, each), outcome in zip(writes, outcomes, strict=True):
            value = each.messages[0].subject
            if holders[value] == each.request_id:
                assert isinstance(outcome, int)
            else:
                assert isinstance(outcome, RefusedError)
                assert value == outcome.subject


class LossyWire(Wire):
    """Loses the answers, or the requests, that ``loses`` picks among the publishes."""

    loses: Callable[[], str] = staticmethod(lambda: "nothing")

    async def ask(self, framed: Callable[[bytes], bytes], within: float, ahead: Iterable[bytes] = ()) -> bytes:
        if not framed(b"x").startswith(b"HPUB"):
            return await super().ask(framed, within)
        lost = self.loses()
        if lost == "request":
            raise UnansweredError("the request was lost")
        answer = await super().ask(framed, within, ahead)
        if lost == "answer":
            raise UnansweredError("the answer was lost")
        return answer


@asynccontextmanager
async def lossy_lane(url: str, losses: Sequence[str]) -> AsyncIterator[tuple[Lane, EventLog]]:
    """Lend a lane whose first publishes meet the losses given, and a log over the same streams that loses nothing."""
    async with opened(url) as log:
        connection = await connect(url, name="lossy")
        wire = LossyWire(connection)
        await wire.open()
        remaining = iter(losses)
        wire.loses = lambda: next(remaining, "nothing")
        lane = Lane(wire, LeaderReads(wire), QUICK)
        yield lane, log
        await lane.drain()
        await wire.close()
        await connection.close()


@pytest.mark.parametrize("losses", [["answer"], ["request"], ["answer", "answer"], ["request", "answer"]])
@pytest.mark.parametrize("writes", [1, 4])
@pytest.mark.parametrize("messages", [1, 3])
async def test_lost_answer_is_settled(nats_url: str, losses: list[str], writes: int, messages: int) -> None:
    """The write is sent again and the log read: each caller gets the sequence at which its only copy stands."""
    async with lossy_lane(nats_url, losses) as (lane, log):
        wanted = [write(*((user(), 0) for _ in range(messages))) for _ in range(writes)]

        sequences = await asyncio.gather(*(lane.append(each, within(5)) for each in wanted))

        found = await everything(log)
        assert len(found) == 1 + writes * messages
        last = {stored.headers["ce-requestid"]: stored.sequence for stored in found}
        assert sequences == [last[each.request_id] for each in wanted]


async def test_lost_answer_is_settled_behind_a_later_message(nats_url: str) -> None:
    """Our copy is found also where another message stands on its subject since: the first beyond the guard counts."""
    async with lossy_lane(nats_url, ["answer", "request"]) as (lane, log):
        subject = user()
        pending = asyncio.create_task(lane.append(write((subject, 0), (user(), 0)), within(5)))
        async with asyncio.timeout(5):
            while (ours := await log.last(0, subject)) is None:  # noqa: ASYNC110  # the log tells nobody
                await asyncio.sleep(0)
        await log.append(write((subject, ours.sequence)), deadline=within(5))

        assert ours.sequence + 1 == await pending


async def test_lost_request_overtaken_by_another_is_refused(nats_url: str) -> None:
    """Where another's message is the first beyond the guard, no copy of ours can ever be stored: that is certain."""
    async with lossy_lane(nats_url, ["request"]) as (lane, log):
        subject = user()
        winner = await log.append(write((subject, 0)), deadline=within(5))

        with pytest.raises(RefusedError) as refused:
            await lane.append(write((claim(), 0), (subject, 0)), within(5))

        assert (subject, winner) == (refused.value.subject, refused.value.last)


async def test_later_write_does_not_overtake_one_in_doubt(nats_url: str) -> None:
    """A write on the subjects of one in doubt waits, and is refused without being sent once that one is settled."""
    async with lossy_lane(nats_url, ["answer"]) as (lane, log):
        subject = user()

        outcomes = await asyncio.gather(
            *(lane.append(write((subject, 0), (claim(), 0)), within(5)) for _ in range(3)), return_exceptions=True
        )

        last = await log.last(0, subject)
        assert last is not None
        assert outcomes[0] == last.sequence + 1
        assert [last.sequence] * 2 == [refused.last for refused in outcomes[1:] if isinstance(refused, RefusedError)]


async def test_message_larger_than_the_server_takes_is_not_sent(nats_url: str) -> None:
    """The server would cut the connection for it, and with it everybody's writes."""
    async with opened(nats_url) as log:
        request_id = unique("req")
        large = Write(0, request_id, (message(user(), 0, request_id, b"x" * 2_000_000),))

        outcomes = await asyncio.gather(
            log.append(large, deadline=within(5)),
            log.append(write((user(), 0)), deadline=within(5)),
            return_exceptions=True,
        )

        assert isinstance(outcomes[0], TooLargeError)
        assert isinstance(outcomes[1], int)


class Load:
    """Callers that create people and change them, and what they were told."""

    def __init__(self, log: EventLog, patience: float = 20.0) -> None:
        self._log = log
        self._patience = patience
        self._stopped = False
        self._acked: dict[str, tuple[Write, int]] = {}
        self._refused: dict[str, Write] = {}
        self._unknown: set[str] = set()
        self._moved = asyncio.Event()

    async def run(self) -> None:
        subject, last = user(), 0
        while not self._stopped:
            await asyncio.sleep(0.005)  # enough writes for every fault to hit some, and not too many to be read back
            if (sequence := await self._append(write((subject, last), (claim(), 0)))) is not None:
                last = sequence - 1
            else:
                subject, last = user(), 0
            if (sequence := await self._append(write((subject, last)))) is not None:
                last = sequence

    async def progress(self, writes: int) -> None:
        """Wait until so many more writes were acknowledged."""
        goal = len(self._acked) + writes
        async with asyncio.timeout(self._patience * 2):
            while len(self._acked) < goal:
                self._moved.clear()
                await self._moved.wait()

    def stop(self) -> None:
        self._stopped = True

    def check(self, found: Sequence[Stored]) -> None:
        """Assert that the log holds what callers were told, and each subject's guards in a row."""
        stored: dict[str, list[Stored]] = {}
        for each in found:
            stored.setdefault(each.headers["ce-requestid"], []).append(each)
        for request_id, (written, sequence) in self._acked.items():
            assert sequence == stored[request_id][-1].sequence
            assert [m.subject for m in written.messages] == [s.subject for s in stored[request_id]], (
                "stored once, whole"
            )
        assert not self._refused.keys() & stored.keys()
        assert self._acked

    async def _append(self, each: Write) -> int | None:
        try:
            sequence = await self._log.append(each, deadline=within(self._patience))
        except RefusedError:
            self._refused[each.request_id] = each
            return None
        except UnavailableError:
            self._unknown.add(each.request_id)
            return None
        self._acked[each.request_id] = (each, sequence)
        self._moved.set()
        return sequence
