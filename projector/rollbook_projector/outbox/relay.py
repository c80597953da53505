"""Publishes a partition's outbox to stream CHANGES, each change once and in order; runs beside the loop that owns it.

What waits goes out as one atomic batch that a marker closes; the marker names the last change and is guarded by its
predecessor. So of two relays, or of two copies of one batch, one is stored, and the last marker is the position.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import structlog
from nats.aio.client import Client

from rollbook_contracts import streams, subjects
from rollbook_contracts.changes.envelope import ChangeKey, change_headers
from rollbook_projector.apart.rows import tenants_apart
from rollbook_projector.changes import OutboxRow
from rollbook_projector.halts import Halt
from rollbook_projector.log import TIMEOUT, LogUnavailableError, StreamLog
from rollbook_projector.outbox.atomic import EXPECTED, MOST, FullError, GuardRefusedError, Outgoing, publish_atomically
from rollbook_projector.outbox.marker import (
    CAUSE,
    Position,
    check_cause,
    check_position,
    marked_position,
    record_position,
    recorded_position,
    set_relay_halted,
)
from rollbook_projector.outbox.rows import OutboxTable
from rollbook_projector.patience import Backoff, pause
from rollbook_projector.session import Connection, is_database_trouble, session
from rollbook_projector.settings import ProjectorSettings

_ROWS: Final = MOST - 1
_CHARACTERS: Final = 4_000_000
"""In one batch: a change that lists a thousand members is as long as a hundred others."""
_LONGEST_TIMEOUT: Final = 60.0


@dataclass(slots=True)
class _Line:
    """Changes that are published in the order of their keys: a partition's, or those of a tenant applied apart."""

    outbox: OutboxTable
    position: Position
    most: int = _ROWS
    """Changes in the next batch: what got no answer comes back smaller, and is waited for longer."""
    timeout: float = TIMEOUT

    def went_through(self) -> None:
        self.most, self.timeout = min(2 * self.most, _ROWS), TIMEOUT

    def got_no_answer(self) -> None:
        self.most, self.timeout = max(self.most // 2, 1), min(2 * self.timeout, _LONGEST_TIMEOUT)

    async def waiting(self, connection: Connection) -> list[OutboxRow]:
        """Return what goes into the next batch."""
        rows = await self.outbox.waiting(connection, self.position.key, self.most)
        return not_too_long(rows, _CHARACTERS * self.most // _ROWS)

    def is_full(self, rows: Sequence[OutboxRow]) -> bool:
        """Whether more may wait behind them."""
        return len(rows) >= self.most or sum(len(row.body) for row in rows) >= _CHARACTERS * self.most // _ROWS // 2


class Relay:
    """Publishes the changes of one partition."""

    def __init__(self, partition: int, client: Client, dsn: str, settings: ProjectorSettings) -> None:
        self._partition = partition
        self._client = client
        self._dsn = dsn
        self._settings = settings
        self._changes = StreamLog(client, streams.CHANGES)
        self._log = StreamLog(client, streams.provisioning(partition))
        self._lines: dict[str, _Line] = {}
        self._woken = asyncio.Event()
        self._logger = structlog.get_logger().bind(partition=partition)

    def wake(self) -> None:
        """Say that there may be changes to publish."""
        self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Publish until the task is cancelled or the projector stops; troubles are waited out."""
        backoff = Backoff()
        while not stopping.is_set():
            try:
                async with session(self._dsn, name=f"rollbook-relay {self._settings.owner}") as connection:
                    await self._run(connection, stopping, backoff)
            except Halt as halt:
                self._logger.critical("relay halted", code=halt.code, reason=halt.detail)
                await pause(stopping, self._settings.recheck)
            except Exception as error:
                if not (isinstance(error, LogUnavailableError) or is_database_trouble(error)):
                    self._logger.exception("relay failed")
                else:
                    self._logger.warning("relay interrupted", reason=str(error) or type(error).__name__)
                await pause(stopping, backoff.next())

    async def _run(self, connection: Connection, stopping: asyncio.Event, backoff: Backoff) -> None:
        clock = asyncio.get_running_loop().time
        self._lines = {}
        while not stopping.is_set():
            began = clock()
            self._woken.clear()
            rows, full = await self._round(connection)
            backoff.reset()
            if not rows and not full:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._settings.relay_poll):
                        await self._woken.wait()
            elif not full:
                await asyncio.sleep(began + 2 * self._settings.pace - clock())

    async def _round(self, connection: Connection) -> tuple[int, bool]:
        """Publish a batch of the partition, and one of each tenant that is applied apart.

        Returns how many changes that were, and whether more wait. Raises ``Halt``, with the reason in the tables.
        """
        count, full = 0, False
        for apart in ("", *(behind.tenant for behind in await tenants_apart(connection, self._partition))):
            try:
                rows, more = await self._batch(connection, apart)
            except Halt as halt:
                await set_relay_halted(connection, self._partition, apart, str(halt))
                raise
            count, full = count + rows, full or more
        return count, full

    async def _batch(self, connection: Connection, apart: str) -> tuple[int, bool]:
        line = await self._line(connection, apart)
        rows = await line.waiting(connection)
        if not rows:
            # Facts that are applied anew, after a restore, make changes that were published long ago.
            await line.outbox.delete_until(connection, line.position.key)
            return 0, False
        if apart and await self._is_older_in_front(connection, rows[0]):
            return 0, True
        full = line.is_full(rows)
        await self._publish(line, rows)
        await record_position(connection, line.outbox, line.position)
        return len(rows), full

    async def _is_older_in_front(self, connection: Connection, row: OutboxRow) -> bool:
        """Whether a tenant's changes from before it was applied apart may wait among the partition's: they go first."""
        main = await self._line(connection, "")
        older = await main.outbox.waiting(connection, main.position.key, 1)
        return bool(older) and row_key(older[0]) < row_key(row)

    async def _line(self, connection: Connection, apart: str) -> _Line:
        """Take up where CHANGES says: behind a batch that was stored when its relay died before it could say so."""
        if apart not in self._lines:
            known = await recorded_position(connection, self._partition, apart)
            position = await self._marked(known, apart)
            line = self._lines[apart] = _Line(OutboxTable(apart=apart), position)
            await record_position(connection, line.outbox, position)
        return self._lines[apart]

    async def _marked(self, known: Position, apart: str) -> Position:
        """Return where CHANGES says that publishing stands; raises ``Halt`` where that cannot be of this log."""
        marked = await marked_position(self._changes, self._partition, apart)
        check_position(marked, known)
        await check_cause(self._log, self._partition, marked)
        return marked

    async def _publish(self, line: _Line, rows: Sequence[OutboxRow]) -> None:
        """Publish the rows behind a line's position, if they are not yet; move the position."""
        waiting = [row for row in rows if row_key(row) > line.position.key]
        if not waiting:
            return
        key = row_key(waiting[-1])
        messages = [outgoing(row) for row in waiting]
        marker = subjects.relay_marker(self._partition, line.outbox.apart)
        headers = {EXPECTED: str(line.position.sequence), CAUSE: waiting[-1].request_id}
        messages.append(Outgoing(marker, headers, str(key).encode()))
        try:
            sequence = await publish_atomically(self._client, uuid.uuid4().hex, messages, timeout=line.timeout)
        except FullError as error:
            raise Halt("changes_full", f"stream {streams.CHANGES} takes no more changes: {error}") from error
        except (GuardRefusedError, LogUnavailableError) as error:
            # Stored or not, by us or by another relay: the marker tells. A copy on its way is refused by its guard.
            self._logger.warning("relay reads its marker", reason=str(error), changes=len(waiting))
            if isinstance(error, LogUnavailableError):
                line.got_no_answer()
            line.position = await self._marked(line.position, line.outbox.apart)
            return
        line.went_through()
        line.position = Position(sequence, key, waiting[-1].request_id)
        self._logger.debug("published", seq=key.sequence, changes=len(waiting))


def not_too_long(rows: Sequence[OutboxRow], characters: int = _CHARACTERS) -> list[OutboxRow]:
    """Return as many of the first rows as make no batch of more than so many characters; one at least."""
    lengths = accumulate(len(row.body) for row in rows)
    return [
        row for place, (row, length) in enumerate(zip(rows, lengths, strict=True)) if not place or length <= characters
    ]


def row_key(row: OutboxRow) -> ChangeKey:
    """Return the key of a row."""
    return ChangeKey(row.epoch, row.partition, row.seq, row.ordinal)


def outgoing(row: OutboxRow) -> Outgoing:
    """Return a row as the message that consumers get."""
    headers = change_headers(
        str(row_key(row)),
        wire_type=row.type,
        tenant=row.tenant,
        resource=row.resource,
        time=row.time,
        request_id=row.request_id,
    )
    subject = subjects.group_change if row.type.startswith("group.") else subjects.user_change
    return Outgoing(subject(row.tenant, row.resource), headers, row.body.encode())
