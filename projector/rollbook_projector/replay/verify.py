"""Folds the log and compares every row, claim and change with the tables and CHANGES; for `rollbook verify`.

Everything happens in one transaction that is rolled back at the end: it sees the tables as they were when it began and
keeps what it expects in temporary tables, so that the projector may go on meanwhile and no log fills the memory.
"""

from collections.abc import AsyncGenerator, Callable
from typing import Final, TypeAlias

from nats.aio.client import Client

from rollbook_contracts import streams
from rollbook_contracts.changes.envelope import ChangeKey
from rollbook_contracts.claims import ClaimKey
from rollbook_projector.apart.rows import tenants_apart
from rollbook_projector.checkpoint import Checkpoint, read_checkpoints
from rollbook_projector.halts import Halt
from rollbook_projector.integrity import check_log, decisions_after, last_epoch
from rollbook_projector.log import StreamLog
from rollbook_projector.parking import ParkedTable
from rollbook_projector.replay.compare import (
    Finding,
    compare_changes,
    compare_checkpoint,
    compare_claims,
    compare_parked,
    compare_relayed,
    compare_rows,
)
from rollbook_projector.replay.expected import Fold, create_expected, fold_claims, fold_log
from rollbook_projector.replay.told import LogChanges, create_told, read_told, read_waiting
from rollbook_projector.session import Connection, session
from rollbook_projector.settings import ProjectorSettings

Progress: TypeAlias = Callable[[int, int], None]
"""Told how many messages are folded, of how many, over all partitions."""

_FOR_GOOD: Final = 1 << 62
"""Beyond every sequence: what is parked now is parked to the end of the fold, too."""
_PLAN_FREELY: Final = "SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on"
_ANALYZE: Final = """
    ANALYZE expected_users, expected_groups, expected_group_members, expected_sent_references,
            live_claims, held_claims, log_changes, told_changes, waiting_changes"""


async def verify(
    client: Client,
    dsn: str,
    *,
    claim_key: ClaimKey,
    partitions: int,
    settings: ProjectorSettings | None = None,
    progress: Progress = lambda _done, _total: None,
) -> AsyncGenerator[Finding, None]:
    """Yield what differs between the log and the tables, up to the checkpoints; raises ``LogUnavailableError``."""
    configured = settings or ProjectorSettings()
    async with session(dsn, name=f"rollbook-verify {configured.owner}") as connection:
        transaction = connection.transaction(isolation="repeatable_read")
        await transaction.start()
        try:
            async for finding in _findings(client, connection, claim_key, partitions, configured, progress):
                yield finding
        finally:
            await transaction.rollback()


async def _findings(  # what verify is given, and the connection
    client: Client,
    connection: Connection,
    claim_key: ClaimKey,
    partitions: int,
    settings: ProjectorSettings,
    progress: Progress,
) -> AsyncGenerator[Finding, None]:
    checkpoints = {checkpoint.partition: checkpoint for checkpoint in await read_checkpoints(connection)}
    await create_expected(connection)
    await create_told(connection)
    await read_waiting(connection, applied=True)
    progressed = _Progress(progress, sum(checkpoint.seq for checkpoint in checkpoints.values()))
    for partition in range(partitions):
        checkpoint = checkpoints.get(partition)
        if checkpoint is None:
            yield Finding("", f"partition {partition:02d}", "provisioning.checkpoints: has no row")
            continue
        try:
            epoch = await _fold(client, connection, checkpoint, settings, progressed)
        except Halt as halt:
            yield Finding("", f"partition {partition:02d}", str(halt))
            return
        async for finding in compare_checkpoint(connection, checkpoint, epoch):
            yield finding
        async for finding in compare_relayed(client, connection, partition):
            yield finding
    begun = {partition: checkpoint.epoch for partition, checkpoint in checkpoints.items()}

    apart = {
        behind.tenant: behind.seq for partition in checkpoints for behind in await tenants_apart(connection, partition)
    }

    def counts(key: ChangeKey, tenant: str) -> bool:
        """Whether a change is of the epoch in force, and of a fact that is applied."""
        known = checkpoints.get(key.partition)
        return (
            known is not None
            and key.epoch >= begun[key.partition]
            and key.sequence <= min(known.seq, apart.get(tenant, known.seq))
        )

    async for _ in read_told(client, connection, counts=counts, settings=settings.pull):
        pass
    await connection.execute(_PLAN_FREELY)
    await connection.execute(_ANALYZE, timeout=None)
    for compare in (
        compare_parked(connection),
        compare_rows(connection),
        compare_claims(connection, claim_key),
        compare_changes(connection),
    ):
        async for finding in compare:
            yield finding


class _Progress:
    """Counts messages over all partitions."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def add(self, count: int) -> None:
        self._done += count
        self._progress(self._done, self._total)


async def _fold(
    client: Client, connection: Connection, checkpoint: Checkpoint, settings: ProjectorSettings, progressed: _Progress
) -> int:
    """Fold one partition up to its checkpoint; return the epoch behind it."""
    log = StreamLog(client, streams.provisioning(checkpoint.partition))
    await check_log(log, checkpoint)
    _, began = await last_epoch(log, checkpoint.partition)
    decided = await decisions_after(log, checkpoint.at(0, "", 0))
    parked = await ParkedTable().load(connection, checkpoint.partition)
    # Changes are compared from the epoch in force on: at its start all before was put right.
    silent_until = began - 1 if began <= checkpoint.seq else checkpoint.seq
    fold = Fold(
        log,
        checkpoint.partition,
        checkpoint.seq,
        silent_until,
        decided | dict.fromkeys(parked.heads, _FOR_GOOD),
        {behind.tenant: behind.seq for behind in await tenants_apart(connection, checkpoint.partition)},
    )
    epoch = 0
    async for messages, epoch in fold_log(client, connection, fold, LogChanges(), settings):  # noqa: B007  # the last one is returned
        await fold_claims(connection, messages)
        progressed.add(len(messages))
    return epoch
