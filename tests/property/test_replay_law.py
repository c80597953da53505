"""The law of the projector: however a log is cut into batches, tables and outbox are the same, byte for byte."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import asyncpg
import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from rollbook_projector.checkpoint import OvertakenError
from support.facts import Script
from support.stored_log import Applier, StoredLog, dump, empty


@dataclass
class Story:
    """A script made from random steps, each of which makes sense where it stands."""

    script: Script = field(default_factory=Script)
    people: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    queues: dict[str, list[tuple[int, bool]]] = field(default_factory=dict)
    """Person → what must be set aside: sequence, and whether the fact can never be applied."""

    def step(self, verb: str, number: int) -> None:
        """Take one step, if it makes sense."""
        user = f"usr_{number}"
        match verb:
            case "create" if user not in self.people | self.gone:
                self.people.add(user)
                self.script.created(user, userName=f"{user}@{self.script.head}")
            case "tenant":
                self.script.tenant_disabled(f"name {self.script.head}")
            case "epoch":
                self.script.epoch(self.script.head + 1)
            case "retry" | "discard":
                self._decide(verb, user)
            case _ if user in self.people:
                self._write(verb, user)

    def _decide(self, verb: str, user: str) -> None:
        queue = self.queues.get(user, [])
        if verb == "retry" and queue:
            self.script.park_retried(queue[0][0])
        if verb == "discard" and len(queue) > 1:
            self.script.park_discarded(queue.pop(0)[0])
            while queue and not queue[0][1]:
                queue.pop(0)
            if not queue:
                del self.queues[user]

    def _write(self, verb: str, user: str) -> None:
        match verb:
            case "poison":
                self.queues.setdefault(user, []).append((self.script.poisoned(user), True))
            case "refused":
                # PostgreSQL cannot hold this one.
                self.queues.setdefault(user, []).append((self.script.updated(user, displayName="\x00"), True))
            case _:
                sequence = self._good(verb, user)
                if user in self.queues:
                    self.queues[user].append((sequence, False))

    def _good(self, verb: str, user: str) -> int:
        match verb:
            case "rename":
                return self.script.updated(user, userName=f"{user}-{self.script.head}")
            case "deactivate":
                return self.script.deactivated(user)
            case "delete":
                self.people.remove(user)
                self.gone.add(user)
                return self.script.deleted(user)
        return self.script.updated(user, displayName=f"name {self.script.head}")


VERBS = (
    "create",
    "update",
    "rename",
    "deactivate",
    "delete",
    "poison",
    "refused",
    "retry",
    "discard",
    "tenant",
    "epoch",
)
STEPS = st.lists(st.tuples(st.sampled_from(VERBS), st.integers(0, 2)), min_size=1, max_size=40)
CUTS = st.lists(st.tuples(st.integers(1, 12), st.sampled_from(("", "", "crash", "restart", "redeliver"))), min_size=1)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Lend a connection to the test's database."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


class CrashError(Exception):
    """The projector died before its transaction was committed."""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, cuts=CUTS)
@example(steps=[("refused", 0), ("update", 0)], cuts=[(2, "")])
@example(steps=[("poison", 0), ("poison", 0), ("discard", 0)], cuts=[(1, "")])
async def test_any_cut_gives_the_same_tables_and_outbox(
    database: asyncpg.Connection, steps: list[tuple[str, int]], cuts: list[tuple[int, str]]
) -> None:
    """Fact by fact as the log grew, or in any batches with crashes, restarts and redelivery: no byte differs."""
    story = Story()
    for verb, number in [("create", 0), ("create", 1), *steps]:
        story.step(verb, number)
    event(f"parked at the end: {bool(story.queues)}")

    await apply_as_it_grew(database, story.script)
    expected = await dump(database)
    await apply_in_batches(database, story.script, cuts)

    assert await dump(database) == expected
    parked = await database.fetch("SELECT seq FROM provisioning.parked WHERE NOT discarded")
    assert {sequence for (sequence,) in parked} == {
        sequence for queue in story.queues.values() for sequence, _ in queue
    }


async def apply_as_it_grew(database: asyncpg.Connection, script: Script) -> None:
    """Apply each message when it is the last one of the log."""
    await empty(database)
    for head in range(1, script.head + 1):
        applier = Applier(database, StoredLog(script.messages[:head]))
        await applier.begin()
        await applier.apply(1)


async def apply_in_batches(database: asyncpg.Connection, script: Script, cuts: list[tuple[int, str]]) -> None:
    """Apply the whole log, known from the start, batch by batch with mishaps in between."""
    await empty(database)
    applier = Applier(database, StoredLog(script.messages))
    stale = await applier.begin()
    turn = 0
    while (at := await applier.begin()).seq < script.head:
        size, mishap = cuts[turn % len(cuts)]
        turn += 1
        if mishap == "crash":
            with contextlib.suppress(CrashError):
                async with database.transaction():
                    await applier.apply(size)
                    raise CrashError
            await applier.begin()
        if mishap == "redeliver" and stale.seq < at.seq:
            applier.checkpoint = stale
            with pytest.raises(OvertakenError):
                await applier.apply(size)
            await applier.begin()
        await applier.apply(size)
        if mishap != "restart" and (now := applier.checkpoint) is not None and now.seq < script.head:
            await applier.apply(size)
        stale = at
