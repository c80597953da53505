"""Tokens: issued, listed and revoked in PostgreSQL, where they are at home; the secret is shown once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from rollbook.errors import CommandError
from rollbook_contracts.tables.control import NOTIFY_CHANNEL
from rollbook_gateway.admission.tokens import Token


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as operators see it: never its secret."""

    key_id: str
    label: str
    created_at: datetime
    revoked_at: datetime | None


async def issue(connection: asyncpg.Connection, tenant: str, token: Token, *, label: str, now: datetime) -> None:
    """Make a token valid for a tenant; the same token given again stays as it is."""
    await connection.execute(
        "INSERT INTO control.tokens (key_id, tenant, secret_sha256, label, created_at) VALUES ($1, $2, $3, $4, $5) "
        "ON CONFLICT (key_id) DO NOTHING",
        token.key_id,
        tenant,
        token.secret_sha256,
        label,
        now,
    )
    await announce(connection, tenant)


async def tokens(connection: asyncpg.Connection, tenant: str) -> Sequence[TokenRow]:
    """Return a tenant's tokens, the oldest first."""
    rows = await connection.fetch(
        "SELECT key_id, label, created_at, revoked_at FROM control.tokens WHERE tenant = $1 "
        "ORDER BY created_at, key_id",
        tenant,
    )
    return [TokenRow(**row) for row in rows]


async def revoke(connection: asyncpg.Connection, key_id: str, *, now: datetime) -> None:
    """End a token; gateways stop admitting it within a second. Raises ``CommandError`` for a key id nobody has."""
    tenant = await connection.fetchval(
        "UPDATE control.tokens SET revoked_at = coalesce(revoked_at, $2) WHERE key_id = $1 RETURNING tenant",
        key_id,
        now,
    )
    if tenant is None:
        raise CommandError(f"There is no token {key_id!r}. `rollbook token list` shows those there are.")
    await announce(connection, tenant)


async def announce(connection: asyncpg.Connection, tenant: str) -> None:
    """Have gateways look at a tenant's tokens again."""
    await connection.execute("SELECT pg_notify($1, $2)", NOTIFY_CHANNEL, tenant)


async def revoke_labelled(connection: asyncpg.Connection, tenant: str, label: str, *, now: datetime) -> None:
    """End those of a tenant's tokens that have a label: what a command that was killed left behind."""
    ended = await connection.fetch(
        "UPDATE control.tokens SET revoked_at = $3 WHERE tenant = $1 AND label = $2 AND revoked_at IS NULL "
        "RETURNING key_id",
        tenant,
        label,
        now,
    )
    if ended:
        await announce(connection, tenant)
