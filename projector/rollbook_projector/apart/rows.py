"""Table ``provisioning.apart``: how far each tenant is that is applied apart; for the loop, its worker and replays."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Final

from rollbook_projector.checkpoint import OvertakenError
from rollbook_projector.recorded import LogMessage
from rollbook_projector.session import Connection
from rollbook_projector.statements import columns_of

_LOAD: Final = """
    SELECT partition, tenant, epoch, seq, until, silent_until FROM provisioning.apart
    WHERE partition = $1 ORDER BY tenant"""
_LEAVE: Final = """
    INSERT INTO provisioning.apart AS apart (partition, tenant, epoch, seq, until, silent_until)
    SELECT * FROM unnest($1::int[], $2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::bigint[])
    ON CONFLICT (partition, tenant) DO UPDATE SET until = greatest(apart.until, excluded.until)"""
_ADVANCE: Final = """
    UPDATE provisioning.apart SET epoch = $5, seq = $6, interrupted = 0, interruption = NULL
    WHERE partition = $1 AND tenant = $2 AND epoch = $3 AND seq = $4 RETURNING seq"""
_REJOIN: Final = """
    DELETE FROM provisioning.apart WHERE partition = $1 AND tenant = $2 AND seq >= until
    AND until <= (SELECT checkpoints.seq FROM provisioning.checkpoints WHERE checkpoints.partition = $1)
    AND NOT EXISTS (SELECT FROM provisioning.outbox WHERE outbox.partition = $1 AND outbox.apart = $2)
    RETURNING seq"""
_BEGIN_AGAIN: Final = """
    UPDATE provisioning.apart SET silent_until = greatest(silent_until, seq, $2), seq = 0, epoch = 0
    WHERE partition = $1"""
_INTERRUPTED: Final = """
    UPDATE provisioning.apart SET interrupted = interrupted + 1, interruption = $3
    WHERE partition = $1 AND tenant = $2"""


@dataclass(slots=True)
class Behind:
    """A tenant that is applied apart: up to ``seq`` so far, of what the checkpoint passed over up to ``until``."""

    partition: int
    tenant: str
    epoch: int
    seq: int
    until: int
    silent_until: int

    @property
    def waits(self) -> bool:
        """Whether there are facts to be applied."""
        return self.seq < self.until


async def tenants_apart(connection: Connection, partition: int) -> list[Behind]:
    """Return the tenants of a partition that are applied apart."""
    return [Behind(*row) for row in await connection.fetch(_LOAD, partition)]


async def leave_over(connection: Connection, left: Sequence[Behind]) -> None:
    """Leave facts of tenants to be applied apart, in the transaction that moves the checkpoint over them."""
    if left:
        await connection.execute(_LEAVE, *columns_of(astuple(one) for one in left))


async def rejoin(connection: Connection, behind: Behind) -> bool:
    """Let a tenant be applied with its partition again, if all is applied and published that was left over."""
    return await connection.fetchval(_REJOIN, behind.partition, behind.tenant) is not None


async def begin_again(connection: Connection, partition: int, silent_until: int) -> None:
    """Have tenants that are applied apart applied anew from the first fact on, silently up to where each was.

    ``silent_until`` is where all of them begin to be told of what is new, at the earliest.
    """
    await connection.execute(_BEGIN_AGAIN, partition, silent_until)


async def note_interruption(connection: Connection, behind: Behind, why: str) -> None:
    """Count that a tenant's work was interrupted, for people to read."""
    await connection.execute(_INTERRUPTED, behind.partition, behind.tenant, why)


class ApartMark:
    """How far a tenant is that is applied apart.

    It is moved at the end of the transaction: the loop of the partition writes to the same row, and must not wait. Who
    was overtaken meanwhile finds the mark elsewhere, and nothing of its work is kept.
    """

    def __init__(self, behind: Behind) -> None:
        self.behind = behind

    @property
    def epoch(self) -> int:
        return self.behind.epoch

    async def begin(self, _connection: Connection, _last: LogMessage, _epoch: int) -> bool:
        return True

    async def end(self, connection: Connection, last: LogMessage, epoch: int) -> None:
        at = self.behind
        moved = await connection.fetchval(_ADVANCE, at.partition, at.tenant, at.epoch, at.seq, epoch, last.sequence)
        if moved is None:
            raise OvertakenError(f"{at.tenant} is no longer at {at.seq}")
        self.reached = last.sequence, epoch

    def keep(self) -> None:
        """Take in that the transaction was committed."""
        self.behind.seq, self.behind.epoch = self.reached
