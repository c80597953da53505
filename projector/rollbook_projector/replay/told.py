"""The changes that the log makes beside those that consumers were told, in temporary tables; for verify and epochs."""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, Final

import msgspec
from nats.aio.client import Client

from rollbook_contracts import streams
from rollbook_contracts.changes.envelope import ChangeKey
from rollbook_projector.changes import OutboxRow
from rollbook_projector.log import StreamLog
from rollbook_projector.outbox.relay import row_key
from rollbook_projector.outbox.rows import OutboxTable
from rollbook_projector.pull import PullSettings
from rollbook_projector.recorded import LogMessage
from rollbook_projector.replay.catch_up import read_range
from rollbook_projector.session import Connection

_COLUMNS: Final = (
    *("epoch", "partition", "seq", "ordinal", "tenant", "resource"),
    *("type", "changed", "people", "digest"),
)
_CREATE: Final = """
    CREATE TEMP TABLE log_changes
        (epoch int, partition int, seq bigint, ordinal int, tenant text COLLATE "C", resource text COLLATE "C",
         type text, changed text[], people text[], digest bytea);
    CREATE TEMP TABLE told_changes (LIKE log_changes);
    CREATE TEMP TABLE waiting_changes (LIKE log_changes);
    """
_WAITING: Final = f"SELECT {', '.join(OutboxRow._fields)} FROM provisioning.outbox"  # noqa: S608  # our own names
_APPLIED: Final = f"""
    SELECT {", ".join(f"outbox.{name}" for name in OutboxRow._fields)}
    FROM provisioning.outbox LEFT JOIN provisioning.apart
        ON apart.partition = outbox.partition AND apart.tenant = outbox.tenant
    WHERE (outbox.apart = '' OR outbox.apart = apart.tenant) AND outbox.seq <= coalesce(apart.seq, outbox.seq)
    """  # noqa: S608  # our own names
_PAGE: Final = 1000


class _Body(msgspec.Struct):
    changed: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    manager: str | None = None


_BODY: Final = msgspec.json.Decoder(_Body)


class LogChanges(OutboxTable):
    """Takes the changes that a fold makes, in the place of an outbox; ``details`` keeps what they say, too."""

    def __init__(self, *, details: bool = False, name: str = "log_changes") -> None:
        super().__init__()
        self._details = details
        self._table = name

    async def write(self, connection: Connection, rows: Sequence[OutboxRow]) -> None:
        await _add(connection, self._table, [_of_row(row, details=self._details) for row in rows])


async def create_told(connection: Connection) -> None:
    """Make the temporary tables; they go with the transaction."""
    await connection.execute(_CREATE)


async def read_waiting(connection: Connection, *, applied: bool = False) -> None:
    """Take in the changes that wait in the outbox, as the transaction sees it.

    ``applied`` leaves out those of facts that a tenant applied apart has not reached again after a rebuild, and
    those that no relay would look for.
    """
    rows: list[OutboxRow] = []
    waiting = LogChanges(name="waiting_changes")
    async for row in connection.cursor(_APPLIED if applied else _WAITING, prefetch=_PAGE):
        rows.append(OutboxRow(*row))
        if len(rows) == _PAGE:
            await waiting.write(connection, rows)
            rows.clear()
    await waiting.write(connection, rows)


async def read_told(
    client: Client,
    connection: Connection,
    *,
    counts: Callable[[ChangeKey, str], bool],
    settings: PullSettings,
    details: bool = False,
) -> AsyncIterator[int]:
    """Take in the changes that CHANGES holds and that count, yielding how many messages each step took."""
    changes = StreamLog(client, streams.CHANGES)
    if await changes.info() is None or (last := await changes.last(">")) is None:
        return
    async for messages in read_range(
        client, streams.CHANGES, after=0, until=last.sequence, size=_PAGE, settings=settings
    ):
        told = (message for message in messages if message.subject.startswith("lms."))
        keyed = ((ChangeKey.parse(message.headers["ce-id"]), message) for message in told)
        rows = [
            _of_message(key, message, details=details)
            for key, message in keyed
            if counts(key, message.headers.get("ce-tenantid", ""))
        ]
        await _add(connection, "told_changes", rows)
        yield len(messages)


async def _add(connection: Connection, table: str, rows: Iterable[Sequence[Any]]) -> None:
    await connection.copy_records_to_table(table, columns=_COLUMNS, records=rows)


def _of_row(row: OutboxRow, *, details: bool) -> tuple[Any, ...]:
    key = row_key(row)
    said = (str(key), row.type, row.tenant, row.resource, row.time, row.request_id)
    return _record(key, said, row.body.encode(), details=details)


def _of_message(key: ChangeKey, message: LogMessage, *, details: bool) -> tuple[Any, ...]:
    header = message.headers.get
    names = ("ce-id", "ce-type", "ce-tenantid", "ce-subject", "ce-time", "ce-requestid")
    return _record(key, tuple(header(name, "") or "" for name in names), message.body, details=details)


def _record(key: ChangeKey, said: tuple[str, ...], body: bytes, *, details: bool) -> tuple[Any, ...]:
    _, wire_type, tenant, resource, *_ = said
    digest = hashlib.blake2b("\n".join(said).encode() + body, digest_size=16).digest()
    changed: tuple[str, ...] | None = None
    people: tuple[str, ...] | None = None
    if details:
        content = _BODY.decode(body)
        changed, people = content.changed, content.members or ((content.manager,) if content.manager else ())
    return (*key, tenant, resource, wire_type, changed, people, digest)
