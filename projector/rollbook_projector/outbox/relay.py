"""Publishes a partition's outbox to stream CHANGES, each change once and in order; runs beside the loop that owns it.

What waits goes out as one atomic batch that a marker closes; the marker names the last change and is guarded by its
predecessor. So of two relays, or of two copies of one batch, one is stored, and the last marker is the position.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

import structlog
from nats.aio.client import Client

from rollbook_contracts import streams, subjects
from rollbook_contracts.changes.envelope import ChangeKey, change_headers
from rollbook_projector.changes import OutboxRow
from rollbook_projector.halts import Halt
from rollbook_projector.log import LogUnavailableError, StreamLog
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


class Relay:
    """Publishes the changes of one partition."""

    def __init__(self, partition: int, client: Client, dsn: str, settings: ProjectorSettings) -> None:
        self._partition = partition
        self._client = client
        self._dsn = dsn
        self._settings = settings
        self._changes = StreamLog(client, streams.CHANGES)
        self._log = StreamLog(client, streams.provisioning(partition))
        self._outbox = OutboxTable()
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
        try:
            position = await self._recover(connection)
            clock = asyncio.get_running_loop().time
            while not stopping.is_set():
                began = clock()
                self._woken.clear()
                rows = not_too_long(await self._outbox.waiting(connection, self._partition, _ROWS))
                backoff.reset()
                if not rows:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self._settings.relay_poll):
                            await self._woken.wait()
                    continue
                position = await self._publish(position, rows)
                await record_position(connection, self._outbox, self._partition, position)
                if len(rows) < _ROWS and sum(len(row.body) for row in rows) < _CHARACTERS // 2:
                    await asyncio.sleep(began + 2 * self._settings.pace - clock())
        except Halt as halt:
            await set_relay_halted(connection, self._partition, str(halt))
            raise

    async def _recover(self, connection: Connection) -> Position:
        """Take up where CHANGES says: behind a batch that was stored when its relay died before it could say so."""
        known = await recorded_position(connection, self._partition)
        position = await self._marked(known)
        await record_position(connection, self._outbox, self._partition, position)
        return position

    async def _marked(self, known: Position) -> Position:
        """Return where CHANGES says that publishing stands; raises ``Halt`` where that cannot be of this log."""
        marked = await marked_position(self._changes, self._partition)
        check_position(marked, known)
        await check_cause(self._log, self._partition, marked)
        return marked

    async def _publish(self, position: Position, rows: Sequence[OutboxRow]) -> Position:
        """Publish the rows behind a position, if they are not yet; return the new position."""
        waiting = [row for row in rows if row_key(row) > position.key]
        if not waiting:
            return position
        key = row_key(waiting[-1])
        messages = [outgoing(row) for row in waiting]
        messages.append(
            Outgoing(
                subjects.relay_marker(self._partition),
                {EXPECTED: str(position.sequence), CAUSE: waiting[-1].request_id},
                str(key).encode(),
            )
        )
        try:
            sequence = await publish_atomically(self._client, uuid.uuid4().hex, messages)
        except FullError as error:
            raise Halt("changes_full", f"stream {streams.CHANGES} takes no more changes: {error}") from error
        except (GuardRefusedError, LogUnavailableError) as error:
            # Stored or not, by us or by another relay: the marker tells. A copy on its way is refused by its guard.
            self._logger.warning("relay reads its marker", reason=str(error))
            return await self._marked(position)
        self._logger.debug("published", seq=key.sequence, changes=len(waiting))
        return Position(sequence, key, waiting[-1].request_id)


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
