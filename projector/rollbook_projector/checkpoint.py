"""How far a partition is applied: read when its loop begins, moved by compare-and-set in each batch's transaction."""

from dataclasses import dataclass, replace
from typing import Final

from rollbook_projector.session import Connection

_CREATE: Final = """
    INSERT INTO provisioning.checkpoints (partition, epoch, stream_created, seq, fact_id, silent_until)
    VALUES ($1, 0, $2, 0, '', 0) ON CONFLICT DO NOTHING"""
_READ_ALL: Final = """
    SELECT partition, epoch, stream_created, seq, fact_id, silent_until
    FROM provisioning.checkpoints"""
_READ: Final = f"{_READ_ALL} WHERE partition = $1"
_ADVANCE: Final = """
    UPDATE provisioning.checkpoints SET epoch = $5, seq = $6, fact_id = $7, interrupted = 0, interruption = NULL
    WHERE partition = $1 AND epoch = $2 AND seq = $3 AND fact_id = $4
    RETURNING EXISTS (SELECT FROM provisioning.parked WHERE parked.partition = $1)"""
_SET_OWNER: Final = "UPDATE provisioning.checkpoints SET owner = $2 WHERE partition = $1"
_SET_HALTED: Final = (
    "UPDATE provisioning.checkpoints SET halted = $2 WHERE partition = $1 AND halted IS DISTINCT FROM $2"
)
_INTERRUPTED: Final = """
    UPDATE provisioning.checkpoints SET interrupted = interrupted + 1, interruption = $2 WHERE partition = $1"""


class OvertakenError(Exception):
    """Another projector moved the checkpoint: what was read before is out of date."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The last fact that is applied in a partition, and the identity of the stream in which it stands."""

    partition: int
    epoch: int
    stream_created: str
    seq: int
    fact_id: str
    silent_until: int

    def at(self, seq: int, fact_id: str, epoch: int) -> "Checkpoint":
        """Return the checkpoint after a later fact."""
        return replace(self, seq=seq, fact_id=fact_id, epoch=epoch)


async def read_checkpoint(connection: Connection, partition: int, stream_created: str) -> Checkpoint:
    """Return a partition's checkpoint; the first time it is made, for the stream as it is now."""
    await connection.execute(_CREATE, partition, stream_created)
    return Checkpoint(*await connection.fetchrow(_READ, partition))


async def read_checkpoints(connection: Connection) -> list[Checkpoint]:
    """Return the checkpoints of all partitions that were ever applied."""
    return [Checkpoint(*row) for row in await connection.fetch(f"{_READ_ALL} ORDER BY partition")]


async def advance(connection: Connection, old: Checkpoint, new: Checkpoint) -> bool:
    """Move the checkpoint; return whether the partition has parked facts. Raises ``OvertakenError``."""
    parked = await connection.fetchval(
        _ADVANCE, old.partition, old.epoch, old.seq, old.fact_id, new.epoch, new.seq, new.fact_id
    )
    if parked is None:
        raise OvertakenError(f"partition {old.partition} is no longer at {old.seq}")
    return bool(parked)


async def set_owner(connection: Connection, partition: int, owner: str | None) -> None:
    """Write who applies the partition, for people to read."""
    await connection.execute(_SET_OWNER, partition, owner)


async def set_halted(connection: Connection, partition: int, why: str | None) -> None:
    """Write why the partition stands still, or that it does not."""
    await connection.execute(_SET_HALTED, partition, why)


async def note_interruption(connection: Connection, partition: int, why: str) -> None:
    """Count that the work was interrupted, for people to read; whatever is applied next begins to count anew."""
    await connection.execute(_INTERRUPTED, partition, why)
