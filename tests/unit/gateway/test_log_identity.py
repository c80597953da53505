"""A gateway asks nothing of a log that is not the one that was applied, nor of one that lost what it saw there."""

import asyncio
from collections.abc import Mapping

import pytest

from rollbook_gateway.log.identity import CheckedLog, Extent, FullError, LogIdentity, LogRegressedError, Place
from rollbook_gateway.log.memory import MemoryEventLog
from rollbook_gateway.log.port import Message, UnavailableError, Write

FIRST = "2026-11-24T03:44:43Z"


class Store(MemoryEventLog):
    """One partition in memory that can be put back to an earlier moment, and says when it was made."""

    def __init__(self) -> None:
        super().__init__(1)
        self.created = FIRST
        self.room: int | None = None
        self.asked = 0

    async def extent(self, partition: int) -> Extent:
        self.asked += 1
        return Extent(self.created, await self.head(partition), self.room)

    def put_back(self, sequence: int) -> None:
        """Lose all behind a sequence."""
        del self._messages[0][sequence:]


class Gateway:
    """A gateway's log, and the checkpoint that it reads; ``applied`` is ``None`` while PostgreSQL is away."""

    def __init__(self, store: Store | None = None) -> None:
        self.store = store or Store()
        self.applied: Place | None = Place(FIRST, 1, 0, "")
        self.identity = LogIdentity(self.store, self._checkpoints, 1)
        self.log = CheckedLog(self.store, self.identity)

    async def _checkpoints(self) -> Mapping[int, Place] | None:
        return None if self.applied is None else {0: self.applied}

    async def write(self, name: str) -> int:
        message = Message(f"fact.00.{name}", {"ce-id": f"{name}.0"}, b"", 0)
        return await self.log.append(Write(0, name, (message,)), deadline=asyncio.get_running_loop().time() + 0.2)


async def written(*names: str) -> Gateway:
    """Return a gateway that wrote facts, of which all but the last were applied."""
    gateway = Gateway()
    for name in names:
        await gateway.write(name)
    gateway.applied = Place(FIRST, 1, len(names) - 1, f"{names[-2]}.0")
    await gateway.identity.check()
    return gateway


async def test_nothing_is_asked_of_a_log_that_ends_before_the_checkpoint() -> None:
    """Writes and reads are refused and name both sequences; when the log is whole again they go on."""
    gateway = await written("a", "b", "c")
    gateway.store.put_back(1)
    restarted = Gateway(gateway.store)
    restarted.applied = gateway.applied

    with pytest.raises(LogRegressedError, match=r"PROVISIONING-00 ends at 1, applied was 2.*rollbook epoch start"):
        await restarted.write("d")
    for read in (
        restarted.log.head(0),
        restarted.log.last(0, "fact.00.a"),
        restarted.log.at(0, 1),
        restarted.log.ready(),
    ):
        with pytest.raises(LogRegressedError):
            await read
    restarted.applied = Place(FIRST, 1, 1, "a.0")
    await restarted.identity.check()
    assert await restarted.write("d") == 2


async def test_another_fact_at_the_checkpoint_is_noticed() -> None:
    """A log that was put back and has grown again is not the one that was applied, however long it is."""
    store = Store()
    grown = Gateway(store)
    for name in ("a", "x", "y"):
        await grown.write(name)
    gateway = Gateway(store)
    gateway.applied = Place(FIRST, 1, 2, "b.0")

    with pytest.raises(LogRegressedError, match=r"message 2 of PROVISIONING-00 is x\.0, applied was b\.0"):
        await gateway.write("d")


async def test_a_log_made_anew_is_noticed() -> None:
    """A stream of the same name that was made at another time is another log."""
    gateway = await written("a", "b")
    gateway.store.created = "2026-11-25T00:00:00Z"
    gateway.identity.interrupted()

    with pytest.raises(LogRegressedError, match="was made 2026-11-25T00:00:00Z, applied was"):
        await gateway.write("d")


@pytest.mark.parametrize("database", ["behind", "away"])
async def test_what_this_process_saw_must_still_be_there(database: str) -> None:
    """Where the lost facts were not applied yet, or PostgreSQL is away, the gateway's own memory tells."""
    gateway = await written("a", "b", "c")
    if database == "away":
        gateway.applied = None
    gateway.store.put_back(2)
    gateway.identity.interrupted()

    with pytest.raises(LogRegressedError, match="ends at 2, seen before was 3"):
        await gateway.write("d")


async def test_a_new_epoch_is_the_way_out() -> None:
    """Once an operator began an epoch the log counts as it is, also for a gateway that knew another one."""
    gateway = await written("a", "b", "c")
    gateway.store.put_back(1)
    gateway.identity.interrupted()
    with pytest.raises(LogRegressedError):
        await gateway.write("d")

    gateway.applied = Place(FIRST, 2, 1, "a.0")
    await gateway.identity.check()

    assert await gateway.write("d") == 2


async def test_a_checkpoint_beyond_the_log_proves_nothing() -> None:
    """What is applied must be in the log: beyond its end that is refused, and another log's is no proof."""
    gateway = await written("a", "b", "c")
    assert await gateway.log.holds(0, 2, FIRST)
    assert not await gateway.log.holds(0, 2, "2026-11-25T00:00:00Z")
    gateway.applied = Place(FIRST, 1, 3, "c.0")
    gateway.store.put_back(1)

    with pytest.raises(LogRegressedError):
        await gateway.log.holds(0, 5, FIRST)


async def test_a_write_costs_no_question_of_its_own() -> None:
    """What was compared once is trusted until the connection is interrupted."""
    gateway = await written("a", "b")
    asked = gateway.store.asked
    for number in range(10):
        await gateway.write(f"n{number}")
    assert gateway.store.asked == asked

    gateway.identity.interrupted()
    await gateway.write("z")
    assert gateway.store.asked == asked + 1


async def test_a_log_that_does_not_answer_is_waited_for() -> None:
    """Until it is known which log it is a write waits, up to its deadline, and is then refused as in any outage."""
    gateway = await written("a", "b")
    gateway.identity.interrupted()
    gateway.store.available = False

    with pytest.raises(UnavailableError) as refused:
        await gateway.write("c")
    assert not isinstance(refused.value, LogRegressedError)


async def test_a_stream_that_is_full_is_not_ready() -> None:
    """Readiness says so before a write is tried, and is back as soon as there is room."""
    gateway = await written("a", "b")
    gateway.store.room = 1000
    await gateway.identity.check()
    with pytest.raises(FullError, match="PROVISIONING-00 is full, it may take 1000 bytes more"):
        await gateway.log.ready()

    gateway.store.room = 1 << 30
    await gateway.identity.check()
    await gateway.log.ready()


async def test_a_write_that_was_not_stored_counts_until_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk is full only a write shows it: readiness remembers the last one, for some seconds."""
    gateway = await written("a", "b")
    gateway.store.available = False
    with pytest.raises(UnavailableError):
        await gateway.write("c")
    gateway.store.available = True
    with pytest.raises(UnavailableError):
        await gateway.log.ready()

    await gateway.write("d")
    await gateway.log.ready()

    gateway.store.available = False
    with pytest.raises(UnavailableError):
        await gateway.write("e")
    gateway.store.available = True
    monkeypatch.setattr("rollbook_gateway.log.identity.MEMORY_SECONDS", 0.0)
    await gateway.log.ready()
