"""A partition's log in memory, applied to real tables in whatever batches a test wants."""

from collections.abc import Iterable, Sequence

import asyncpg

from rollbook_projector.applying import Applying, Tables
from rollbook_projector.batch import Place
from rollbook_projector.checkpoint import Checkpoint, read_checkpoint
from rollbook_projector.integrity import decisions_after
from rollbook_projector.recorded import LogMessage
from rollbook_projector.transaction import apply_batch, cut

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

    async def apply(self, count: int) -> None:
        """Apply the next ``count`` messages."""
        assert self.checkpoint is not None, "begin first"
        assert self._applying is not None, "begin first"
        messages = self._log.messages[self.checkpoint.seq : self.checkpoint.seq + count]
        for batch in cut(messages):
            self.checkpoint = await apply_batch(self._database, self._applying, self.checkpoint, batch)


async def empty(database: asyncpg.Connection) -> None:
    """Empty all tables that the projector writes."""
    await database.execute(f"TRUNCATE {', '.join(TABLES)}, provisioning.relayed")


async def dump(database: asyncpg.Connection, tables: Iterable[str] = TABLES) -> dict[str, list[str]]:
    """Return every row of the tables as text."""
    return {
        table: [text for (text,) in await database.fetch(f"SELECT row::text FROM {table} AS row ORDER BY 1")]
        for table in tables
    }
