"""How far a partition's changes are published: the relay's marker in CHANGES, and what PostgreSQL remembers of it."""

from typing import Final, NamedTuple

from rollbook_contracts import subjects
from rollbook_contracts.changes.envelope import ChangeKey
from rollbook_projector.halts import Halt
from rollbook_projector.log import StreamLog
from rollbook_projector.outbox.rows import OutboxTable
from rollbook_projector.session import Connection

_READ: Final = "SELECT key, marker_seq FROM provisioning.relayed WHERE partition = $1 AND apart = $2"
_RECORD: Final = """
    INSERT INTO provisioning.relayed AS present (partition, apart, key, marker_seq) VALUES ($1, $2, $3, $4)
    ON CONFLICT (partition, apart) DO UPDATE SET key = excluded.key, marker_seq = excluded.marker_seq, halted = NULL
    WHERE present.marker_seq <= excluded.marker_seq"""
_SET_HALTED: Final = """
    INSERT INTO provisioning.relayed AS present (partition, apart, key, marker_seq, halted) VALUES ($1, $2, '', 0, $3)
    ON CONFLICT (partition, apart) DO UPDATE SET halted = excluded.halted"""


class Position(NamedTuple):
    """The last marker: its sequence in CHANGES, and the key of the last change before it."""

    sequence: int
    key: ChangeKey


def nothing(partition: int) -> Position:
    """Return where a relay begins."""
    return Position(0, ChangeKey(0, partition, 0, -1))


async def marked_position(changes: StreamLog, partition: int, apart: str = "") -> Position:
    """Return the position that stream CHANGES holds: the truth."""
    message = await changes.last(subjects.relay_marker(partition, apart))
    if message is None:
        return nothing(partition)
    return Position(message.sequence, ChangeKey.parse(message.body.decode()))


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
