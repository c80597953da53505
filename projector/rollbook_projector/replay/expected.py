"""The tables as the log says they must be, folded into temporary tables of one transaction; for ``verify``."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from nats.aio.client import Client

from rollbook_contracts.facts.claim import ClaimReleased, ClaimTaken
from rollbook_contracts.facts.group import GroupDeleted, GroupFact
from rollbook_contracts.facts.user import UserDeleted, UserFact
from rollbook_contracts.subjects import parse
from rollbook_projector.apart.run import concerned
from rollbook_projector.applying import Applying, Tables
from rollbook_projector.batch import Place
from rollbook_projector.checkpoint import Checkpoint
from rollbook_projector.gathering import ResourceTables
from rollbook_projector.integrity import check_contiguous
from rollbook_projector.log import StreamLog
from rollbook_projector.parking import ParkedTable
from rollbook_projector.projections.groups import GroupTable
from rollbook_projector.projections.holders import HolderTable
from rollbook_projector.projections.members import MemberTable
from rollbook_projector.projections.references import ReferenceTable
from rollbook_projector.projections.stagings import StagingTable
from rollbook_projector.projections.tenants import TenantTable
from rollbook_projector.projections.users import UserTable
from rollbook_projector.projections.versions import VersionColumns
from rollbook_projector.recorded import LogMessage, is_claim, is_park_decision, read
from rollbook_projector.replay.catch_up import read_range
from rollbook_projector.replay.told import LogChanges
from rollbook_projector.session import Connection
from rollbook_projector.settings import ProjectorSettings
from rollbook_projector.statements import columns_of
from rollbook_projector.transaction import bound_of, messages_of, whatever_it_weighs
from rollbook_projector.writes import whole_writes

_CREATE: Final = """
    CREATE TEMP TABLE expected_users (LIKE lms.users INCLUDING INDEXES);
    CREATE TEMP TABLE expected_deleted_users (LIKE lms.deleted_users INCLUDING INDEXES);
    CREATE TEMP TABLE expected_groups (LIKE lms.groups INCLUDING INDEXES);
    CREATE TEMP TABLE expected_group_members (LIKE lms.group_members INCLUDING INDEXES);
    CREATE TEMP TABLE expected_sent_references (LIKE lms.sent_references INCLUDING INDEXES);
    CREATE TEMP TABLE expected_stagings (LIKE provisioning.stagings INCLUDING INDEXES);
    CREATE TEMP TABLE expected_staged_members (LIKE provisioning.staged_members INCLUDING INDEXES);
    CREATE TEMP TABLE expected_tenants (LIKE lms.tenants INCLUDING INDEXES);
    CREATE TEMP TABLE expected_control_tenants (LIKE control.tenants INCLUDING INDEXES);
    CREATE TEMP TABLE expected_parked (LIKE provisioning.parked INCLUDING INDEXES);
    CREATE TEMP TABLE live_claims
        (tenant text COLLATE "C", attribute text COLLATE "C", digest text COLLATE "C", holder text COLLATE "C",
         seq bigint, PRIMARY KEY (tenant, attribute, digest));
    CREATE TEMP TABLE held_claims
        (tenant text COLLATE "C", holder text COLLATE "C", attribute text COLLATE "C", digest text COLLATE "C",
         seq bigint, PRIMARY KEY (tenant, holder, attribute, digest));
    """
_TAKE: Final = """
    INSERT INTO live_claims SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
    ON CONFLICT (tenant, attribute, digest) DO UPDATE SET holder = excluded.holder, seq = excluded.seq"""
_RELEASE: Final = """
    DELETE FROM live_claims USING unnest($1::text[], $2::text[], $3::text[]) AS free (tenant, attribute, digest)
    WHERE live_claims.tenant = free.tenant AND live_claims.attribute = free.attribute
      AND live_claims.digest = free.digest"""
_FORGET: Final = """
    DELETE FROM held_claims USING unnest($1::text[], $2::text[]) AS gone (tenant, holder)
    WHERE held_claims.tenant = gone.tenant AND held_claims.holder = gone.holder"""
_HOLD: Final = (
    "INSERT INTO held_claims SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])"
)


def expected(changes: LogChanges) -> Tables:
    """Return the temporary tables as what facts are applied to; the changes go where the caller wants them."""
    return Tables(
        ResourceTables(
            UserTable("expected_users", "expected_deleted_users"),
            GroupTable("expected_groups", "expected_group_members"),
            MemberTable("expected_group_members"),
            ReferenceTable("expected_sent_references"),
            StagingTable("expected_stagings", "expected_staged_members"),
            HolderTable("expected_users", "expected_deleted_users"),
        ),
        TenantTable("expected_tenants", "expected_control_tenants"),
        ParkedTable("expected_parked"),
        changes,
        VersionColumns("expected_users", "expected_groups"),
    )


@dataclass(frozen=True, slots=True)
class Fold:
    """How much of a partition's log is folded, and what it is known of it beforehand."""

    log: StreamLog
    partition: int
    until: int
    silent_until: int
    decided: Mapping[int, int]
    apart: Mapping[str, int] = MappingProxyType({})
    """The tenants that are applied apart, and how far each is: no further are they folded."""

    async def is_to_come(self, message: LogMessage) -> bool:
        """Whether a message is of a tenant that is applied apart and not there yet."""
        if not self.apart:
            return False
        tenant = parse(message.subject).tenant if is_claim(message) else await concerned(message, self.log)
        return message.sequence > self.apart.get(tenant, message.sequence)


async def fold_log(
    client: Client, connection: Connection, fold: Fold, changes: LogChanges, settings: ProjectorSettings
) -> AsyncIterator[tuple[list[LogMessage], int]]:
    """Fold a partition into the temporary tables; yield each run of messages, with the epoch behind it."""
    applying = Applying(
        expected(changes),
        Place(fold.partition, fold.silent_until, settings.code_version, fold.decided),
        fold.log,
    )
    at = Checkpoint(fold.partition, 0, "", 0, "", fold.silent_until)
    received: list[LogMessage] = []
    async for messages in read_range(
        client, fold.log.stream, after=0, until=fold.until, size=settings.batch, settings=settings.pull
    ):
        check_contiguous(at, messages)
        received += messages
        whole = len(received) if messages[-1].sequence == fold.until else whole_writes(received)
        run = [message for message in received[:whole] if not await fold.is_to_come(message)]
        received = received[whole:]
        at = at.at(messages[-1].sequence, "", await _applied(connection, applying, fold, at.epoch, run))
        yield run, at.epoch


async def _applied(
    connection: Connection, applying: Applying, fold: Fold, epoch: int, messages: Sequence[LogMessage]
) -> int:
    """Apply messages, whatever they weigh; return the epoch after them."""

    async def step(some: Sequence[LogMessage], most: int | None) -> tuple[int, int]:
        facts = [read(message) for message in some if not is_claim(message)]
        if is_park_decision(some[-1]):
            await applying.decision(connection, epoch, facts[0])
            return len(some), epoch
        if not facts:
            return len(some), epoch
        behind = frozenset(tenant for tenant, applied in fold.apart.items() if applied < some[-1].sequence)
        applied = await applying.without(behind).whatever_is_refused(connection, epoch, facts, bound_of(some, most))
        return messages_of(some, facts, applied), applied.epoch

    while messages:
        count, epoch = await whatever_it_weighs(messages, step)
        messages = messages[count:]
    await applying.tables.resources.looked_at(connection)
    return epoch


async def create_expected(connection: Connection) -> None:
    """Make the temporary tables; they go with the transaction."""
    await connection.execute(_CREATE)


async def fold_claims(connection: Connection, messages: Sequence[LogMessage]) -> None:
    """Apply a run of messages to what the log says about claims: which are live, and which facts name them."""
    live: dict[tuple[str, str, str], tuple[str, int] | None] = {}
    holders: dict[tuple[str, str], tuple[int, UserFact | GroupFact | None]] = {}
    for message in messages:
        fact = read(message).fact
        if is_claim(message):
            address = parse(message.subject)
            claim = (address.tenant, address.kind, address.name)
            match fact:
                case ClaimTaken(taker):
                    live[claim] = (taker, message.sequence)
                case ClaimReleased():
                    live[claim] = None
        elif isinstance(fact, UserFact | UserDeleted | GroupFact | GroupDeleted):
            holder = (parse(message.subject).tenant, fact.id)
            holders[holder] = (message.sequence, fact if isinstance(fact, UserFact | GroupFact) else None)
    await _write_live(connection, live)
    await _write_held(connection, holders)


async def _write_live(connection: Connection, live: dict[tuple[str, str, str], tuple[str, int] | None]) -> None:
    if taken := [(*key, *claim) for key, claim in live.items() if claim is not None]:
        await connection.execute(_TAKE, *columns_of(taken))
    if free := [key for key, claim in live.items() if claim is None]:
        await connection.execute(_RELEASE, *columns_of(free))


async def _write_held(
    connection: Connection, holders: dict[tuple[str, str], tuple[int, UserFact | GroupFact | None]]
) -> None:
    if not holders:
        return
    await connection.execute(_FORGET, *columns_of(holders))
    held = [
        (*holder, claim.attribute, claim.hash, claim.sequence(sequence))
        for holder, (sequence, fact) in holders.items()
        if fact is not None
        for claim in fact.claims
    ]
    if held:
        await connection.execute(_HOLD, *columns_of(held))
