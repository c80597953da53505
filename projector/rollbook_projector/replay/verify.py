"""Folds the log and compares every row and every claim with the tables; for `rollbook verify`.

Everything happens in one transaction that is rolled back at the end: it sees the tables as they were when it began and
keeps what it expects in temporary tables, so that the projector may go on meanwhile and no log fills the memory.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from typing import Final, TypeAlias

from nats.aio.client import Client

from rollbook_contracts import streams
from rollbook_contracts.claims import ClaimKey
from rollbook_contracts.subjects import parse
from rollbook_projector.apart.rows import tenants_apart
from rollbook_projector.apart.run import concerned
from rollbook_projector.applying import Applying
from rollbook_projector.batch import Place
from rollbook_projector.checkpoint import Checkpoint, read_checkpoints
from rollbook_projector.halts import Halt
from rollbook_projector.integrity import check_contiguous, check_log, decisions_after
from rollbook_projector.log import StreamLog
from rollbook_projector.recorded import LogMessage, is_claim, is_park_decision, read
from rollbook_projector.replay.catch_up import read_range
from rollbook_projector.replay.compare import Finding, compare_claims, compare_parked, compare_rows
from rollbook_projector.replay.expected import EXPECTED, create_expected, fold_claims
from rollbook_projector.session import Connection, session
from rollbook_projector.settings import ProjectorSettings
from rollbook_projector.transaction import bound_of, messages_of, whatever_it_weighs
from rollbook_projector.writes import whole_writes

Progress: TypeAlias = Callable[[int, int], None]
"""Told how many messages are folded, of how many, over all partitions."""

_PLAN_FREELY: Final = "SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on"
_ANALYZE: Final = """
    ANALYZE expected_users, expected_groups, expected_group_members, expected_sent_references,
            live_claims, held_claims"""


async def verify(
    client: Client,
    dsn: str,
    *,
    claim_key: ClaimKey,
    settings: ProjectorSettings | None = None,
    progress: Progress = lambda _done, _total: None,
) -> AsyncGenerator[Finding, None]:
    """Yield what differs between the log and the tables, up to the checkpoints; raises ``LogUnavailableError``."""
    configured = settings or ProjectorSettings()
    async with session(dsn, name=f"rollbook-verify {configured.owner}") as connection:
        transaction = connection.transaction(isolation="repeatable_read")
        await transaction.start()
        try:
            async for finding in _findings(client, connection, claim_key, configured, progress):
                yield finding
        finally:
            await transaction.rollback()


async def _findings(
    client: Client, connection: Connection, claim_key: ClaimKey, settings: ProjectorSettings, progress: Progress
) -> AsyncGenerator[Finding, None]:
    checkpoints = await read_checkpoints(connection)
    await create_expected(connection)
    total, done = sum(checkpoint.seq for checkpoint in checkpoints), 0
    for checkpoint in checkpoints:
        try:
            async for count in _fold(client, connection, checkpoint, settings):
                done += count
                progress(done, total)
        except Halt as halt:
            yield Finding("", f"partition {checkpoint.partition:02d}", str(halt))
            return
    await connection.execute(_PLAN_FREELY)
    await connection.execute(_ANALYZE, timeout=None)
    for compare in (compare_parked(connection), compare_rows(connection), compare_claims(connection, claim_key)):
        async for finding in compare:
            yield finding


async def _fold(
    client: Client, connection: Connection, checkpoint: Checkpoint, settings: ProjectorSettings
) -> AsyncIterator[int]:
    """Fold one partition up to its checkpoint, yielding how many messages each step took."""
    log = StreamLog(client, streams.provisioning(checkpoint.partition))
    await check_log(log, checkpoint)
    at = Checkpoint(checkpoint.partition, 0, checkpoint.stream_created, 0, "", checkpoint.seq)
    place = Place(checkpoint.partition, checkpoint.seq, settings.code_version, await decisions_after(log, at))
    applying = Applying(EXPECTED, place, log)
    apart = {behind.tenant: behind.seq for behind in await tenants_apart(connection, checkpoint.partition)}
    received: list[LogMessage] = []
    async for messages in read_range(
        client, log.stream, after=0, until=checkpoint.seq, size=settings.batch, settings=settings.pull
    ):
        check_contiguous(at, messages)
        at = at.at(messages[-1].sequence, "", at.epoch)
        received += messages
        whole = len(received) if at.seq == checkpoint.seq else whole_writes(received)
        run = [message for message in received[:whole] if not await _is_to_come(message, apart, log)]
        received = received[whole:]
        await fold_claims(connection, run)
        at = at.at(at.seq, "", await _applied(connection, applying, at.epoch, run))
        yield len(messages)


async def _is_to_come(message: LogMessage, apart: Mapping[str, int], log: StreamLog) -> bool:
    """Whether a message is of a tenant that is applied apart and not there yet."""
    if not apart:
        return False
    tenant = parse(message.subject).tenant if is_claim(message) else await concerned(message, log)
    return message.sequence > apart.get(tenant, message.sequence)


async def _applied(connection: Connection, applying: Applying, epoch: int, messages: Sequence[LogMessage]) -> int:
    """Apply messages, whatever they weigh; return the epoch after them."""

    async def step(some: Sequence[LogMessage], most: int | None) -> tuple[int, int]:
        facts = [read(message) for message in some if not is_claim(message)]
        if is_park_decision(some[-1]):
            await applying.decision(connection, epoch, facts[0])
            return len(some), epoch
        if not facts:
            return len(some), epoch
        applied = await applying.whatever_is_refused(connection, epoch, facts, bound_of(some, most))
        return messages_of(some, facts, applied), applied.epoch

    while messages:
        count, epoch = await whatever_it_weighs(messages, step)
        messages = messages[count:]
    await applying.tables.resources.looked_at(connection)
    return epoch
