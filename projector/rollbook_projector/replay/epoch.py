"""Begins an epoch, in which the log counts as it is, whatever was applied and told of another one; `rollbook epoch`.

First it appends to each partition that the epoch begins, and as corrections what consumers must be told since they had
something else; of the tables it only reads. Then the tables are computed again: who dies in between begins once more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import msgspec
from nats.aio.client import Client

from rollbook_contracts import streams
from rollbook_contracts.changes.envelope import ChangeKey
from rollbook_contracts.datetimes import format_instant
from rollbook_contracts.facts.system import Correction, EpochCorrected, EpochStarted
from rollbook_contracts.identifiers import new_id
from rollbook_contracts.partitions import partition_of
from rollbook_projector.checkpoint import Checkpoint, read_checkpoint, read_checkpoints
from rollbook_projector.halts import Halt
from rollbook_projector.integrity import check_log, decisions_after, last_epoch
from rollbook_projector.log import LogUnavailableError, StreamInfo, StreamLog
from rollbook_projector.outbox.marker import (
    Position,
    begin_at,
    check_cause,
    check_position,
    marked_position,
    record_position,
    recorded_position,
)
from rollbook_projector.outbox.rows import OutboxTable
from rollbook_projector.replay.corrections import Source, Told, compare_told, corrections, known_tenants
from rollbook_projector.replay.expected import Fold, create_expected, fold_log
from rollbook_projector.replay.rebuild import Progress, Share, owned, recompute
from rollbook_projector.replay.told import LogChanges, create_told, read_told, read_waiting
from rollbook_projector.session import Connection, session
from rollbook_projector.settings import ProjectorSettings
from rollbook_projector.system_log import append_about, last_about

_PLAN_FREELY: Final = "SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on"
_ANALYZE: Final = """
    ANALYZE expected_users, expected_groups, expected_group_members, log_changes, told_changes, waiting_changes"""
_MOST: Final = 500
"""Corrections in one fact, and ten times as many people: some 250 KB."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The epoch that began, how many corrections it opens with, and how many messages the tables were made of."""

    epoch: int
    corrections: int
    messages: int


@dataclass(slots=True)
class _Part:
    """One partition: its log as it stands, and how it relates to what was applied and told."""

    partition: int
    log: StreamLog
    info: StreamInfo
    last: EpochStarted
    began: int
    marked: Position
    source: Source
    """What tells of what consumers had: CHANGES where it holds changes that the tables know nothing of, else these."""
    epoch: int = 0
    start: int = 0
    end: int = 0
    corrected: int = 0
    tenants: list[str] = field(default_factory=list)


async def troubles(client: Client, connection: Connection, partitions: int) -> list[str]:
    """Say for each partition whose log or changes are not those that were applied and told why that is so."""
    found = []
    checkpoints = {checkpoint.partition: checkpoint for checkpoint in await read_checkpoints(connection)}
    for partition in range(partitions):
        log = StreamLog(client, streams.provisioning(partition))
        try:
            if partition in checkpoints:
                await check_log(log, checkpoints[partition])
            marked = await marked_position(StreamLog(client, streams.CHANGES), partition)
            check_position(marked, await recorded_position(connection, partition))
            await check_cause(log, partition, marked)
        except Halt as halt:
            found.append(f"partition {partition}: {halt}")
    return found


async def start_epoch(
    client: Client,
    dsn: str,
    *,
    partitions: int,
    settings: ProjectorSettings | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Begun:
    """Begin an epoch in each partition and bring the tables to what the log says.

    Raises ``ProjectorRunsError``, ``AppendRefusedError`` where somebody else writes about a partition, and
    ``LogUnavailableError``.
    """
    configured = settings or ProjectorSettings()
    async with owned(dsn, partitions, configured) as connections:
        parts = [await _part(client, connection, number) for number, connection in enumerate(connections)]
        known = [checkpoint.epoch for checkpoint in await read_checkpoints(connections[0])]
        epoch = 1 + max(*known, *(part.last.epoch for part in parts), *(part.marked.key.epoch for part in parts))
        async with session(dsn, name=f"rollbook-epoch {configured.owner}") as connection:
            transaction = connection.transaction(isolation="repeatable_read")
            await transaction.start()
            try:
                await _put_right(client, connection, parts, epoch, configured)
            finally:
                await transaction.rollback()

        async def relay(connection: Connection) -> None:
            for part in parts:
                await begin_at(connection, part.partition, part.marked, forget=part.source == "changes")

        shares = [
            Share(part.partition, connection, part.log, part.info.created, part.start, part.end, told=part.start)
            for part, connection in zip(parts, connections, strict=True)
        ]
        messages = await recompute(client, shares, configured, progress, relay)
        return Begun(epoch, sum(part.corrected for part in parts), messages)


async def _part(client: Client, connection: Connection, partition: int) -> _Part:
    log, changes = StreamLog(client, streams.provisioning(partition)), StreamLog(client, streams.CHANGES)
    info = await log.info()
    last, began = await last_epoch(log, partition)
    if info is None or last is None:
        raise LogUnavailableError(f"stream {log.stream} is missing, or no epoch began in it")
    await read_checkpoint(connection, partition, info.created)
    known, marked, outbox = (
        await recorded_position(connection, partition),
        Position(0, ChangeKey(0, 0, 0, -1)),
        OutboxTable(),
    )
    if await changes.info() is not None:
        marked = await marked_position(changes, partition)
    if marked.sequence > known.sequence and await outbox.cause(connection, marked.key) == marked.cause:
        # A relay died before it could say what it had published.
        await record_position(connection, outbox, marked)
        known = marked
    source: Source = "changes" if marked.sequence > known.sequence else "tables" if marked[:2] == known[:2] else "both"
    return _Part(partition, log, info, last, began, marked, source)


async def _put_right(
    client: Client, connection: Connection, parts: Sequence[_Part], epoch: int, settings: ProjectorSettings
) -> None:
    """Append that the epoch begins, and the corrections; the temporary tables go with the caller's transaction."""
    await create_expected(connection)
    await create_told(connection)
    await read_waiting(connection)
    for part in parts:
        decided = await decisions_after(part.log, Checkpoint(part.partition, 0, "", 0, "", 0))
        fold = Fold(part.log, part.partition, part.info.last, part.began - 1, decided)
        async for _ in fold_log(client, connection, fold, LogChanges(details=True), settings):
            pass
    wanted = {part.partition for part in parts if part.source != "tables"}
    told = read_told(
        client, connection, counts=lambda key, _tenant: key.partition in wanted, settings=settings.pull, details=True
    )
    async for _ in told:
        pass
    await connection.execute(_PLAN_FREELY)
    await connection.execute(_ANALYZE, timeout=None)
    for tenant in await known_tenants(connection):
        parts[partition_of(tenant, len(parts))].tenants.append(tenant)
    tenants = await compare_told(connection, [Told(part.tenants, part.source, part.last.epoch) for part in parts])
    for part in parts:
        writer = _Writer(client, part, epoch)
        await writer.begin()
        for tenant in tenants:
            if partition_of(tenant, len(parts)) == part.partition:
                async for correction in corrections(connection, tenant):
                    await writer.add(correction)
        await writer.flush()


class _Writer:
    """Appends the start of an epoch and its corrections to one partition, each behind the one before."""

    def __init__(self, client: Client, part: _Part, epoch: int) -> None:
        self._client = client
        self._part = part
        self._epoch = epoch
        self._last = 0
        self._waiting: list[Correction] = []
        self._people = 0
        self._told = ("", "", "")
        """Tenant, id and version of the last correction that was appended."""

    async def begin(self) -> None:
        """Append that the epoch begins."""
        part = self._part
        self._last = await last_about(self._client, part.partition)
        part.start = part.end = await self._append(msgspec.structs.replace(part.last, epoch=self._epoch))

    async def add(self, correction: Correction) -> None:
        """Append a correction, with others."""
        if len(self._waiting) == _MOST or self._people + len(correction.people) > 10 * _MOST:
            await self.flush()
        tenant, resource, version = self._told
        if (tenant, resource) == (correction.tenant, correction.id):
            correction = msgspec.structs.replace(correction, previous=version)
        self._waiting.append(correction)
        self._people += len(correction.people)

    async def flush(self) -> None:
        """Append what waits."""
        if not self._waiting:
            return
        part, last = self._part, self._waiting[-1]
        part.end = await self._append(EpochCorrected(tuple(self._waiting)))
        key = ChangeKey(self._epoch, part.partition, part.end, len(self._waiting) - 1)
        part.corrected += len(self._waiting)
        self._told = (last.tenant, last.id, str(key))
        self._waiting, self._people = [], 0

    async def _append(self, fact: EpochStarted | EpochCorrected) -> int:
        self._last = await append_about(
            self._client,
            self._part.partition,
            fact,
            expected=self._last,
            request_id=new_id("req"),
            time=format_instant(datetime.now(UTC)),
        )
        return self._last
