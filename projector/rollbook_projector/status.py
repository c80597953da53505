"""How far each partition is, who applies it and what waits; for `rollbook status`."""

from dataclasses import dataclass
from typing import Final

from nats.aio.client import Client

from rollbook_contracts import streams
from rollbook_projector.log import LogUnavailableError, StreamLog
from rollbook_projector.ownership import holders
from rollbook_projector.session import Connection

_CHECKPOINTS: Final = """
    SELECT checkpoints.partition, seq, interrupted, interruption,
           coalesce(halted, (SELECT min(relayed.halted) FROM provisioning.relayed
                             WHERE relayed.partition = checkpoints.partition))
    FROM provisioning.checkpoints"""
_APART: Final = """
    SELECT partition, tenant, seq, until, interrupted, interruption FROM provisioning.apart
    ORDER BY partition, tenant"""
_OUTBOX: Final = "SELECT count(*) FROM provisioning.outbox"
_PARKED: Final = "SELECT count(*) FROM provisioning.parked"


@dataclass(frozen=True, slots=True)
class TenantStatus:
    """A tenant that is applied apart from its partition since its facts weigh much; ``until`` is what is left over."""

    partition: int
    tenant: str
    applied: int
    until: int
    interrupted: int
    interruption: str | None


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """One partition: ``head`` is the last message of the log, ``applied`` the last one that is in the tables."""

    partition: int
    head: int
    applied: int
    owner: str | None
    halted: str | None
    """Why it stands still (``log_regressed: …``), or why its changes are not published (``changes_regressed: …``)."""
    interrupted: int = 0
    """How often the work was interrupted since it last moved on, by what the last time."""
    interruption: str | None = None
    apart: tuple[TenantStatus, ...] = ()

    @property
    def lag(self) -> int:
        """How many messages are not applied yet, at most."""
        least = min([self.applied, *(tenant.applied for tenant in self.apart if tenant.applied < tenant.until)])
        return max(0, self.head - least)


@dataclass(frozen=True, slots=True)
class Status:
    """The whole projector: changes not published yet, and facts set aside with those that wait behind them."""

    partitions: list[PartitionStatus]
    outbox: int
    parked: int


async def read_status(client: Client, connection: Connection, partitions: int) -> Status:
    """Ask the log and the tables; raises ``LogUnavailableError`` where a stream does not answer."""
    rows = {number: rest for number, *rest in await connection.fetch(_CHECKPOINTS)}
    apart = [TenantStatus(*row) for row in await connection.fetch(_APART)]
    owners = await holders(connection)
    found = []
    for partition in range(partitions):
        applied, interrupted, interruption, halted = rows.get(partition, (0, 0, None, None))
        found.append(
            PartitionStatus(
                partition,
                await _head(client, partition),
                applied,
                owners.get(partition),
                halted,
                interrupted,
                interruption,
                tuple(tenant for tenant in apart if tenant.partition == partition),
            )
        )
    return Status(found, await connection.fetchval(_OUTBOX), await connection.fetchval(_PARKED))


async def _head(client: Client, partition: int) -> int:
    info = await StreamLog(client, streams.provisioning(partition)).info()
    if info is None:
        raise LogUnavailableError(f"there is no stream {streams.provisioning(partition)}")
    return info.last
