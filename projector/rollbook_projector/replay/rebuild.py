"""Empties the tables and computes them again from the log, while no projector runs; for `rollbook rebuild`.

Changes that were made once are not made again: up to the checkpoint from before, the fold is silent. What it leaves
when it is interrupted is an ordinary checkpoint: the projector, or another rebuild, goes on from there.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias

from nats.aio.client import Client

from rollbook_contracts import streams, subjects
from rollbook_contracts.datetimes import format_instant
from rollbook_contracts.facts.system import ParkRetried
from rollbook_contracts.facts.tenant import TenantFact
from rollbook_contracts.identifiers import new_id
from rollbook_projector.apart.rows import begin_again, tenants_apart
from rollbook_projector.apart.run import Run, apply_whole
from rollbook_projector.applying import Applying, Tables
from rollbook_projector.batch import Place
from rollbook_projector.checkpoint import Checkpoint, read_checkpoint
from rollbook_projector.integrity import check_contiguous, check_log, decisions_after
from rollbook_projector.log import LogUnavailableError, StreamLog
from rollbook_projector.ownership import holders, try_own
from rollbook_projector.parking import ParkedTable
from rollbook_projector.projections import tenants
from rollbook_projector.pull import pulling
from rollbook_projector.recorded import LogMessage, read
from rollbook_projector.replay.catch_up import read_range
from rollbook_projector.session import Connection, session
from rollbook_projector.settings import ProjectorSettings
from rollbook_projector.system_log import append_about, last_about
from rollbook_projector.writes import whole_writes

Progress: TypeAlias = Callable[[int, int], None]
"""Told how many messages are applied, of how many, over all partitions."""

_EMPTY: Final = """
    TRUNCATE lms.users, lms.deleted_users, lms.groups, lms.group_members, lms.sent_references, lms.tenants,
             control.tenants, provisioning.parked, provisioning.stagings, provisioning.staged_members"""
_BEGIN_AGAIN: Final = """
    UPDATE provisioning.checkpoints
    SET epoch = 0, stream_created = $2, seq = 0, fact_id = '', silent_until = $3, halted = NULL
    WHERE partition = $1"""
_ANALYZE: Final = "ANALYZE lms.users, lms.groups, lms.group_members, lms.sent_references, lms.tenants"


class ProjectorRunsError(Exception):
    """A projector applies some partition: it must be stopped before the tables are emptied."""


@dataclass(frozen=True, slots=True)
class Share:
    """One partition of a rebuild: its session, which holds the lock, and how far the fold goes.

    Up to ``silent_until`` it makes no changes: they were made before, or are put right by corrections behind it.
    """

    partition: int
    connection: Connection
    log: StreamLog
    stream_created: str
    silent_until: int
    until: int
    told: int = 0
    """Up to here also tenants are told of nothing that were applied apart: all of it is put right behind it."""


async def rebuild(
    client: Client,
    dsn: str,
    *,
    partitions: int,
    settings: ProjectorSettings | None = None,
    progress: Progress = lambda _done, _total: None,
) -> int:
    """Compute the tables again up to where they were; return how many messages of the log that took.

    Raises ``ProjectorRunsError``, ``Halt`` where the log is not the one that was applied, ``LogUnavailableError``.
    """
    configured = settings or ProjectorSettings()
    async with owned(dsn, partitions, configured) as connections:
        shares = [await _share(client, connection, partition) for partition, connection in enumerate(connections)]
        return await recompute(client, shares, configured, progress)


async def recompute(
    client: Client,
    shares: Sequence[Share],
    settings: ProjectorSettings,
    progress: Progress,
    beside: Callable[[Connection], Awaitable[None]] | None = None,
) -> int:
    """Empty the tables and fold the shares; ``beside`` is done in the transaction that empties them."""
    await _empty(client, shares, beside)
    done = {share.partition: 0 for share in shares}
    total = sum(share.until for share in shares)

    def applied(partition: int, sequence: int) -> None:
        done[partition] = sequence
        progress(sum(done.values()), total)

    await asyncio.gather(*(_fold(client, share, settings, applied) for share in shares))
    await shares[0].connection.execute(_ANALYZE, timeout=None)
    return total


@contextlib.asynccontextmanager
async def owned(dsn: str, partitions: int, settings: ProjectorSettings) -> AsyncIterator[Sequence[Connection]]:
    """Own all partitions, each in a session of its own, or none; raises ``ProjectorRunsError``."""
    async with contextlib.AsyncExitStack() as stack:
        connections = []
        for partition in range(partitions):
            name = f"rollbook-rebuild {settings.owner}"
            connection = await stack.enter_async_context(session(dsn, name=name))
            if not await try_own(connection, partition):
                holder = (await holders(connection)).get(partition, "another process")
                raise ProjectorRunsError(
                    f"Partition {partition} is applied by {holder}: stop all projectors, then try again."
                )
            connections.append(connection)
        yield connections


async def _share(client: Client, connection: Connection, partition: int) -> Share:
    log = StreamLog(client, streams.provisioning(partition))
    info = await log.info()
    if info is None:
        raise LogUnavailableError(f"there is no stream {log.stream}")
    checkpoint = await read_checkpoint(connection, partition, info.created)
    await check_log(log, checkpoint)
    # A rebuild that was interrupted had emptied the tables: what it was to reach is still to be reached.
    silent_until = max(checkpoint.seq, checkpoint.silent_until)
    retried = await _retry_parked(client, connection, log, checkpoint)
    return Share(partition, connection, log, info.created, silent_until, max(silent_until, *retried, 0))


async def _retry_parked(
    client: Client, connection: Connection, log: StreamLog, checkpoint: Checkpoint
) -> Collection[int]:
    """Decide to retry all that is parked; return the sequences of the decisions.

    The fold parks again what a later decision names, and applies it there, where its changes are made: nobody was told
    of it yet, and without the decision the fold would apply it in silence where the cause is mended.
    """
    partition = checkpoint.partition
    decided = await decisions_after(log, checkpoint)
    for sequence in (await ParkedTable().load(connection, partition)).heads:
        if sequence not in decided:
            decided[sequence] = await append_about(
                client,
                partition,
                ParkRetried(sequence),
                expected=await last_about(client, partition),
                request_id=new_id("req"),
                time=format_instant(datetime.now(UTC)),
            )
    return decided.values()


async def _empty(
    client: Client, shares: Sequence[Share], beside: Callable[[Connection], Awaitable[None]] | None
) -> None:
    """Empty the tables in one transaction, in which the organizations get their last state at once.

    Requests go on while the tables are rebuilt: nobody must be refused, or admitted, by a state long past.
    """
    rows: dict[str, tenants.TenantRow] = {}
    for share in shares:
        rows |= await _last_tenants(client, share)
    first = shares[0].connection
    async with first.transaction():
        await first.execute(_EMPTY)
        for share in shares:
            await first.execute(_BEGIN_AGAIN, share.partition, share.stream_created, share.silent_until)
            await begin_again(first, share.partition, share.told)
        if beside is not None:
            await beside(first)
        await tenants.TenantTable().write_control(first, rows)


async def _last_tenants(client: Client, share: Share) -> Mapping[str, tenants.TenantRow]:
    subject = subjects.tenant_facts(share.partition, "*")
    last = await share.log.last(subject)
    found: dict[str, tenants.TenantRow] = {}
    if last is None or share.until == 0:
        return found
    async with pulling(client, share.log.stream, after=0, subject=subject) as pull:
        sequence = 0
        while sequence < last.sequence:
            for message in await pull.take(1000, patience=1.0):
                sequence = message.sequence
                recorded = read(message)
                if sequence <= share.until and isinstance(recorded.fact, TenantFact):
                    found[recorded.tenant] = tenants.put(recorded)
    return found


async def _fold(client: Client, share: Share, settings: ProjectorSettings, applied: Callable[[int, int], None]) -> None:
    checkpoint = Checkpoint(share.partition, 0, share.stream_created, 0, "", share.silent_until)
    decided = await decisions_after(share.log, checkpoint)
    applying = Applying(Tables(), Place(share.partition, share.silent_until, settings.code_version, decided), share.log)
    apart = {behind.tenant for behind in await tenants_apart(share.connection, share.partition)}
    received: list[LogMessage] = []
    async for messages in read_range(
        client, share.log.stream, after=0, until=share.until, size=settings.batch, settings=settings.pull
    ):
        received += messages
        count = len(received) if messages[-1].sequence == share.until else whole_writes(received)
        check_contiguous(checkpoint, received[:count])
        run = await Run.of(checkpoint, received[:count], apart, share.log)
        checkpoint = await apply_whole(share.connection, applying, run)
        received = received[count:]
        applied(share.partition, checkpoint.seq)
