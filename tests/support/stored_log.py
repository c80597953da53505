"""A partition's log in memory, applied to real tables in whatever batches a test wants."""

import contextlib
from collections.abc import Iterable, Sequence
from functools import partial

import asyncpg

from rollbook_contracts.subjects import system
from rollbook_projector.apart.rows import ApartMark, Behind, rejoin, tenants_apart
from rollbook_projector.apart.run import Run, apply_run, apply_whole, concerned
from rollbook_projector.applying import Applying, Tables
from rollbook_projector.batch import Place
from rollbook_projector.checkpoint import Checkpoint, OvertakenError, read_checkpoint
from rollbook_projector.integrity import decisions_after
from rollbook_projector.outbox.rows import OutboxTable
from rollbook_projector.recorded import LogMessage, is_park_decision
from rollbook_projector.transaction import apply_part, whatever_it_weighs
from rollbook_projector.weight import TooHeavyError
from rollbook_projector.writes import end_of_write
from support.facts import Script

TABLES = (
    "lms.users",
    "lms.deleted_users",
    "lms.groups",
    "lms.group_members",
    "lms.sent_references",
    "lms.tenants",
    "control.tenants",
    "provisioning.checkpoints",
    "provisioning.parked",
    "provisioning.outbox",
    "provisioning.stagings",
    "provisioning.staged_members",
    "provisioning.apart",
)


class StoredLog:
    """Messages that can be asked for one by one, as a stream's leader can."""

    def __init__(self, messages: Sequence[LogMessage]) -> None:
        self.messages = messages

    async def at(self, sequence: int) -> LogMessage | None:
        """Return the message with a sequence."""
        return self.messages[sequence - 1] if 0 < sequence <= len(self.messages) else None

    async def next(self, subject: str, sequence: int) -> LogMessage | None:
        """Return the first message on a subject from a sequence on."""
        return next((message for message in self.messages[sequence - 1 :] if message.subject == subject), None)


class Applier:
    """A projector's memory: what it knows between two batches."""

    def __init__(self, database: asyncpg.Connection, log: StoredLog, partition: int = 0, version: str = "1") -> None:
        self._database = database
        self._log = log
        self._partition = partition
        self._version = version
        self.checkpoint: Checkpoint | None = None
        self._applying: Applying | None = None

    async def begin(self) -> Checkpoint:
        """Read the checkpoint, as after a start."""
        self.checkpoint = await read_checkpoint(self._database, self._partition, "2026-01-01")
        decided = await decisions_after(self._log, self.checkpoint)
        place = Place(self._partition, self.checkpoint.silent_until, self._version, decided)
        self._applying = Applying(Tables(), place, self._log)
        return self.checkpoint

    async def apply(self, count: int, most: int | None = None) -> None:
        """Apply the next ``count`` messages, and those that end their write.

        With ``most`` tenants whose facts weigh more are left over, to be applied apart.
        """
        assert self.checkpoint is not None, "begin first"
        assert self._applying is not None, "begin first"
        ahead = self._log.messages[self.checkpoint.seq :]
        messages = ahead[: end_of_write(ahead, min(count, len(ahead)) - 1)]
        apart = {behind.tenant for behind in await tenants_apart(self._database, self._partition)}
        while messages:
            run = await Run.of(self.checkpoint, messages, apart, self._log)
            if most is None:
                self.checkpoint = await apply_whole(self._database, self._applying, run)
                return
            try:
                self.checkpoint, heavy = await apply_run(self._database, self._applying, run, most)
            except TooHeavyError as error:
                apart.add(error.tenant)
                continue
            apart |= {heavy} - {""}
            messages = [message for message in messages if message.sequence > self.checkpoint.seq]

    async def catch_up(self, size: int) -> None:
        """Apply those apart who were left over, a part after the other, and take them back."""
        for behind in await tenants_apart(self._database, self._partition):
            messages = [message for message in self._log.messages[behind.seq : behind.until] if message.sequence]
            own = [message for message in messages if await self._concerns(behind.tenant, message)]
            while own:
                mark = ApartMark(behind)
                part = await whatever_it_weighs(
                    own[: end_of_write(own, min(size, len(own)) - 1)],
                    partial(apply_part, self._database, await self._apart(behind), mark),
                )
                mark.keep()
                own = own[part.messages :]
            # As if the relay had published them.
            await self._database.execute("UPDATE provisioning.outbox SET apart = ''")
            assert await rejoin(self._database, behind)

    async def _concerns(self, tenant: str, message: LogMessage) -> bool:
        if message.subject == system(self._partition) and not is_park_decision(message):
            return True
        return await concerned(message, self._log) == tenant

    async def _apart(self, behind: Behind) -> Applying:
        at = Checkpoint(self._partition, behind.epoch, "", behind.seq, "", behind.silent_until)
        place = Place(self._partition, behind.silent_until, self._version, await decisions_after(self._log, at))
        return Applying(Tables(outbox=OutboxTable(apart=behind.tenant)), place, self._log)


async def empty(database: asyncpg.Connection) -> None:
    """Empty all tables that the projector writes."""
    await database.execute(f"TRUNCATE {', '.join(TABLES)}, provisioning.relayed")


async def dump(database: asyncpg.Connection, tables: Iterable[str] = TABLES) -> dict[str, list[str]]:
    """Return every row of the tables as text."""
    return {
        table: [text for (text,) in await database.fetch(f"SELECT row::text FROM {table} AS row ORDER BY 1")]
        for table in tables
    }


MISHAPS = ("crash", "restart", "redeliver")


class CrashError(Exception):
    """The projector died before its transaction was committed."""


async def apply_as_it_grew(database: asyncpg.Connection, script: Script) -> None:
    """Apply each message when it is the last one of the log."""
    await empty(database)
    for head in range(1, script.head + 1):
        applier = Applier(database, StoredLog(script.messages[:head]))
        await applier.begin()
        await applier.apply(1)


async def apply_in_batches(database: asyncpg.Connection, script: Script, cuts: Sequence[tuple[int, str]]) -> None:
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
            with contextlib.suppress(OvertakenError):
                await applier.apply(size)
                raise AssertionError("a batch was applied twice")
            await applier.begin()
        await applier.apply(size)
        if mishap != "restart" and (now := applier.checkpoint) is not None and now.seq < script.head:
            await applier.apply(size)
        stale = at


async def apply_with_tenants_apart(
    database: asyncpg.Connection, script: Script, cuts: Sequence[tuple[int, bool]]
) -> None:
    """Apply the whole log, leaving whatever links anything over; now and then those who are behind catch up."""
    await empty(database)
    applier = Applier(database, StoredLog(script.messages))
    turn = 0
    while (await applier.begin()).seq < script.head:
        size, catches_up = cuts[turn % len(cuts)]
        turn += 1
        await applier.apply(size, most=1)
        if catches_up:
            await applier.catch_up(size)
    await applier.catch_up(100)
