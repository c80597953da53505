"""Tokens and OAuth clients: issued, listed, ended and replaced in PostgreSQL, their home; the secret is shown once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

import asyncpg

from rollbook.errors import CommandError
from rollbook_contracts.tables.control import NOTIFY_CHANNEL
from rollbook_gateway.admission.scopes import EVERYTHING, SCOPES, Scope
from rollbook_gateway.admission.tokens import Token

Kind: TypeAlias = Literal["token", "client"]

OVERLAP: Final = timedelta(hours=24)
"""How long the old one works on beside the new one after a rotation, where nothing else is said."""

# Any constant will do, as long as nothing else takes locks of two numbers by it.
_REPLACING_LOCK: Final = 7_303_004

_COLUMNS: Final = "key_id, kind, label, scopes, created_at, expires_at, last_used_at, revoked_at, replaced_by"


@dataclass(frozen=True, slots=True)
class Terms:
    """What is issued, and what it is good for: as a rule a token for everything, for ever."""

    kind: Kind = "token"
    scopes: Collection[Scope] = EVERYTHING
    expires_at: datetime | None = None


USUAL: Final = Terms()


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token or an OAuth client as operators see it: never its secret."""

    key_id: str
    kind: Kind
    label: str
    scopes: Sequence[Scope]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    replaced_by: str | None

    def state(self, now: datetime) -> str:
        """Say whether it works: live, rotated (live until it ends), expired or revoked."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return "rotated" if self.replaced_by else "live"


async def issue(
    connection: asyncpg.Connection,
    tenant: str,
    token: Token,
    *,
    label: str,
    now: datetime,
    terms: Terms = USUAL,
) -> bool:
    """Make a token valid for a tenant; the same token given again stays as it is. Says whether it is valid now."""
    ended = await connection.fetchval(
        "WITH issued AS (INSERT INTO control.tokens "
        "(key_id, tenant, secret_sha256, label, created_at, kind, scopes, expires_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (key_id) DO NOTHING) "
        "SELECT revoked_at IS NOT NULL OR coalesce(expires_at <= $5, false) FROM control.tokens WHERE key_id = $1",
        token.key_id,
        tenant,
        token.secret_sha256,
        label,
        now,
        terms.kind,
        [scope for scope in SCOPES if scope in terms.scopes],
        terms.expires_at,
    )
    await announce(connection, tenant)
    return not ended


async def tokens(connection: asyncpg.Connection, tenant: str) -> Sequence[TokenRow]:
    """Return a tenant's tokens and OAuth clients, the oldest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM control.tokens WHERE tenant = $1 ORDER BY created_at, key_id",  # noqa: S608  # our own names
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
        raise _unknown(key_id)
    await announce(connection, tenant)


async def revoke_all(connection: asyncpg.Connection, tenant: str, *, now: datetime) -> Sequence[str]:
    """End all of a tenant's tokens and OAuth clients; return the key ids of those that worked until now.

    In a transaction, no other is issued in their place before it ends.
    """
    await _take_turns(connection, tenant)
    ended = await connection.fetch(
        "UPDATE control.tokens SET revoked_at = $2 WHERE tenant = $1 AND revoked_at IS NULL "
        "RETURNING key_id, expires_at IS NULL OR expires_at > $2 AS worked",
        tenant,
        now,
    )
    await announce(connection, tenant)
    return sorted(row["key_id"] for row in ended if row["worked"])


async def rotate(
    connection: asyncpg.Connection,
    key_id: str,
    successor: Token,
    *,
    overlap: timedelta,
    expires_in: timedelta | None,
    now: datetime,
) -> tuple[str, TokenRow, TokenRow]:
    """Issue the next token with what the old one may do, and have the old one end after the overlap.

    The next one is valid for ``expires_in``, or else as long as the old one was to be. Returns the tenant's id, the old
    token and the next. Raises ``CommandError`` for one that is unknown, has ended, or was rotated before.
    """
    async with connection.transaction():
        tenant = await connection.fetchval("SELECT tenant FROM control.tokens WHERE key_id = $1", key_id)
        if tenant is None:
            raise _unknown(key_id)
        await _take_turns(connection, tenant)
        old = next(token for token in await tokens(connection, tenant) if token.key_id == key_id)
        _check_rotatable(old, now)
        lifetime = expires_in or (old.expires_at - old.created_at if old.expires_at is not None else None)
        terms = Terms(old.kind, old.scopes, now + lifetime if lifetime is not None else None)
        await issue(connection, tenant, successor, label=old.label, now=now, terms=terms)
        await connection.execute(
            "UPDATE control.tokens SET replaced_by = $2, expires_at = least(expires_at, $3) WHERE key_id = $1",
            key_id,
            successor.key_id,
            now + overlap,
        )
    by_key = {token.key_id: token for token in await tokens(connection, tenant)}
    return tenant, by_key[key_id], by_key[successor.key_id]


async def _take_turns(connection: asyncpg.Connection, tenant: str) -> None:
    """Keep those who replace a tenant's tokens from doing so at once: one would not see what the other issued."""
    await connection.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", _REPLACING_LOCK, tenant)


def _check_rotatable(token: TokenRow, now: datetime) -> None:
    state = token.state(now)
    if state == "rotated":
        raise CommandError(
            f"Token {token.key_id} was rotated already: {token.replaced_by} is the next one; rotate that."
        )
    if state != "live":
        raise CommandError(f"Token {token.key_id} is {state}: issue another with `rollbook token issue`.")


def _unknown(key_id: str) -> CommandError:
    return CommandError(f"There is no token {key_id!r}. `rollbook token list` shows those there are.")


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
