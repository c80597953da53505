"""The tables as the log says they must be, folded into temporary tables of one transaction; for ``verify``."""

from collections.abc import Sequence
from typing import Final

from rollbook_contracts.facts.claim import ClaimReleased, ClaimTaken
from rollbook_contracts.facts.user import UserDeleted, UserFact
from rollbook_contracts.subjects import parse
from rollbook_projector.applying import Tables
from rollbook_projector.outbox.rows import OutboxTable
from rollbook_projector.parking import ParkedTable
from rollbook_projector.projections.tenants import TenantTable
from rollbook_projector.projections.users import UserTable
from rollbook_projector.recorded import LogMessage, is_claim, read
from rollbook_projector.session import Connection
from rollbook_projector.statements import columns_of

_CREATE: Final = """
    CREATE TEMP TABLE expected_users (LIKE lms.users, PRIMARY KEY (tenant, id));
    CREATE TEMP TABLE expected_tenants (LIKE lms.tenants, PRIMARY KEY (tenant));
    CREATE TEMP TABLE expected_control_tenants (LIKE control.tenants, PRIMARY KEY (tenant));
    CREATE TEMP TABLE expected_parked (LIKE provisioning.parked, PRIMARY KEY (partition, seq));
    CREATE TEMP TABLE expected_outbox (LIKE provisioning.outbox);
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

EXPECTED: Final = Tables(
    UserTable("expected_users"),
    TenantTable("expected_tenants", "expected_control_tenants"),
    ParkedTable("expected_parked"),
    OutboxTable("expected_outbox"),
)


async def create_expected(connection: Connection) -> None:
    """Make the temporary tables; they go with the transaction."""
    await connection.execute(_CREATE)


async def fold_claims(connection: Connection, messages: Sequence[LogMessage]) -> None:
    """Apply a run of messages to what the log says about claims: which are live, and which each person's fact names."""
    live: dict[tuple[str, str, str], tuple[str, int] | None] = {}
    people: dict[tuple[str, str], tuple[int, UserFact | None]] = {}
    for message in messages:
        fact = read(message).fact
        if is_claim(message):
            address = parse(message.subject)
            key = (address.tenant, address.kind, address.name)
            match fact:
                case ClaimTaken(holder):
                    live[key] = (holder, message.sequence)
                case ClaimReleased():
                    live[key] = None
        elif isinstance(fact, UserFact | UserDeleted):
            person = (parse(message.subject).tenant, fact.id)
            people[person] = (message.sequence, fact if isinstance(fact, UserFact) else None)
    await _write_live(connection, live)
    await _write_held(connection, people)


async def _write_live(connection: Connection, live: dict[tuple[str, str, str], tuple[str, int] | None]) -> None:
    if taken := [(*key, *claim) for key, claim in live.items() if claim is not None]:
        await connection.execute(_TAKE, *columns_of(taken))
    if free := [key for key, claim in live.items() if claim is None]:
        await connection.execute(_RELEASE, *columns_of(free))


async def _write_held(connection: Connection, people: dict[tuple[str, str], tuple[int, UserFact | None]]) -> None:
    if not people:
        return
    await connection.execute(_FORGET, *columns_of(people))
    held = [
        (*person, claim.attribute, claim.hash, claim.sequence(sequence))
        for person, (sequence, fact) in people.items()
        if fact is not None
        for claim in fact.claims
    ]
    if held:
        await connection.execute(_HOLD, *columns_of(held))
