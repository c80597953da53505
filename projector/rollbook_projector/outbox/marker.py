"""How far a partition's changes are published: the relay's marker in CHANGES, and what PostgreSQL remembers of it."""

from typing import Final, NamedTuple

from rollbook_contracts import subjects
from rollbook_contracts.changes.envelope import ChangeKey
from rollbook_projector.halts import Halt
from rollbook_projector.integrity import last_epoch
from rollbook_projector.log import StreamLog
from rollbook_projector.outbox.rows import OutboxTable
from rollbook_projector.session import Connection

_READ: Final = "SELECT key, marker_seq FROM provisioning.relayed WHERE partition = $1 AND apart = $2"
_RECORD: Final = """
    INSERT INTO provisioning.relayed AS present (partition, apart, key, marker_seq) VALUES ($1, $2, $3, $4)
    ON CONFLICT (partition, apart) DO UPDATE SET key = excluded.key, marker_seq = excluded.marker_seq,
        halted = CASE WHEN present.marker_seq = excluded.marker_seq AND present.halted LIKE 'changes_full:%'
                      THEN present.halted END
    WHERE present.marker_seq <= excluded.marker_seq"""
_SET_HALTED: Final = """
    INSERT INTO provisioning.relayed AS present (partition, apart, key, marker_seq, halted) VALUES ($1, $2, '', 0, $3)
    ON CONFLICT (partition, apart) DO UPDATE SET halted = excluded.halted"""
_FORGET: Final = "DELETE FROM provisioning.outbox WHERE partition = $1"
_UNKNOW: Final = "DELETE FROM provisioning.relayed WHERE partition = $1"


CAUSE: Final = "ce-requestid"
"""Header of a marker: the request of the fact that the last change before it belongs to. Older markers have none."""


class Position(NamedTuple):
    """The last marker: its sequence in CHANGES, the key of the last change before it, and that one's request."""

    sequence: int
    key: ChangeKey
    cause: str = ""


def nothing(partition: int) -> Position:
    """Return where a relay begins."""
    return Position(0, ChangeKey(0, partition, 0, -1))


async def marked_position(changes: StreamLog, partition: int, apart: str = "") -> Position:
    """Return the position that stream CHANGES holds: the truth."""
    message = await changes.last(subjects.relay_marker(partition, apart))
    await changes.info()  # raises where a leader that is cut off said so, from an old stream
    if message is None:
        return nothing(partition)
    return Position(message.sequence, ChangeKey.parse(message.body.decode()), message.headers.get(CAUSE, ""))


async def recorded_position(connection: Connection, partition: int, apart: str = "") -> Position:
    """Return the position that PostgreSQL remembers."""
    row = await connection.fetchrow(_READ, partition, apart)
    if row is None or not row["key"]:
        return nothing(partition)
    return Position(row["marker_seq"], ChangeKey.parse(row["key"]))


def check_position(marked: Position, known: Position) -> None:
    """Raise ``Halt`` where CHANGES lost what is known to have been published."""
    if marked.sequence < known.sequence or (marked.sequence == known.sequence and marked.key != known.key):
        raise Halt(
            "changes_regressed",
            f"the last marker in CHANGES is {marked.sequence} (change {marked.key}), "
            f"published was {known.sequence} (change {known.key})",
        )


async def check_cause(log: StreamLog, partition: int, marked: Position) -> None:
    """Raise ``Halt`` where the last change in CHANGES is of a fact that the log does not have at its place.

    The log and the tables were put back, and CHANGES was not: what waits under the same keys is something else.
    Changes of an earlier epoch count as told: its end put right what they differed in.
    """
    if not marked.sequence:
        return
    epoch, _ = await last_epoch(log, partition)
    if epoch is None or marked.key.epoch < epoch.epoch:
        return
    fact = await log.at(marked.key.sequence)
    found = None if fact is None else fact.headers.get(CAUSE, "")
    if marked.key.epoch > epoch.epoch or found is None or (marked.cause and found != marked.cause):
        raise Halt(
            "changes_ahead",
            f"the last change in CHANGES is {marked.key} of request {marked.cause or 'unknown'}, fact "
            f"{marked.key.sequence} of {log.stream} is {found or 'missing'}: the log was put back and CHANGES was not. "
            "`rollbook epoch start` is the way out",
        )


async def begin_at(connection: Connection, partition: int, position: Position, *, forget: bool) -> None:
    """Have the relay go on behind a marker, whatever was known of it; ``forget`` what waits to be published."""
    if forget:
        await connection.execute(_FORGET, partition)
    await connection.execute(_UNKNOW, partition)
    if position.sequence:
        await connection.execute(_RECORD, partition, "", str(position.key), position.sequence)


async def record_position(connection: Connection, outbox: OutboxTable, position: Position) -> None:
    """Delete what is published from the outbox and remember the position."""
    if position.sequence == 0:
        return
    async with connection.transaction():
        await outbox.delete_until(connection, position.key)
        key = position.key
        await connection.execute(_RECORD, key.partition, outbox.apart, str(key), position.sequence)


async def set_relay_halted(connection: Connection, partition: int, apart: str, why: str) -> None:
    """Write why nothing is published."""
    await connection.execute(_SET_HALTED, partition, apart, why)
