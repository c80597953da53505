"""Groups, their members and the references that wait, as the tables show them; read by the command line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

import asyncpg

from rollbook.errors import CommandError
from rollbook_contracts.datetimes import format_instant
from rollbook_contracts.folding import fold

Kind: TypeAlias = Literal["member", "manager"]
Row: TypeAlias = dict[str, object]

_NAMES: Final = "(SELECT tenant, name AS tenant_name FROM lms.tenants) AS names"
_GROUPS: Final = f"""
SELECT tenant_name, tenant, id, display_name, external_id, members, waiting, created, last_modified, members_modified,
       fact_seq, members_seq
FROM lms.groups AS groups JOIN {_NAMES} USING (tenant)
CROSS JOIN LATERAL (
    SELECT count(*) AS members FROM lms.group_members AS m WHERE m.tenant = groups.tenant AND m.group_id = groups.id
) AS counted
CROSS JOIN LATERAL (
    SELECT count(*) AS waiting FROM lms.sent_references AS r
    WHERE r.tenant = groups.tenant AND r.kind = 'member' AND r.holder_id = groups.id AND r.user_id IS NULL
) AS counted_waiting
WHERE ($1::text IS NULL OR tenant_name = $1) AND ($2::text IS NULL OR id = $2 OR display_name_folded = $3)
ORDER BY tenant, display_name_folded, id LIMIT $4
"""  # noqa: S608  # put together from constants
_MEMBERS: Final = """
SELECT user_id, user_name, display_name, active, by_id, named
FROM lms.group_members AS m LEFT JOIN lms.users AS u ON u.tenant = m.tenant AND u.id = m.user_id
WHERE m.tenant = $1 AND m.group_id = $2 ORDER BY user_name_folded, user_id LIMIT $3
"""
_WAITING: Final = """
SELECT value, since FROM lms.sent_references
WHERE tenant = $1 AND kind = 'member' AND holder_id = $2 AND user_id IS NULL ORDER BY since, value LIMIT $3
"""
# A person's manager is known when any of the values links: the others, tried before it or after it, wait for nothing.
_PENDING: Final = f"""
SELECT tenant_name, r.tenant, kind, value, holder_id,
       CASE kind WHEN 'member' THEN g.display_name ELSE coalesce(u.display_name, u.user_name) END AS holder_name,
       since, CASE WHEN target_deleted THEN 'target deleted' ELSE 'pending' END AS state
FROM lms.sent_references AS r JOIN {_NAMES} ON names.tenant = r.tenant
LEFT JOIN lms.groups AS g ON kind = 'member' AND g.tenant = r.tenant AND g.id = holder_id
LEFT JOIN lms.users AS u ON kind = 'manager' AND u.tenant = r.tenant AND u.id = holder_id
WHERE r.user_id IS NULL AND (kind = 'member' OR u.manager_id IS NULL) AND (NOT target_deleted OR $4)
  AND ($1::text IS NULL OR tenant_name = $1) AND ($2::text IS NULL OR kind = $2) AND ($3::text IS NULL OR since <= $3)
ORDER BY tenant_name, since, kind, holder_id, value
"""  # noqa: S608  # put together from constants


@dataclass(frozen=True, slots=True)
class GroupShown:
    """One group: its row, its members with their names, and the values that name nobody yet."""

    head: Row
    members: Sequence[Row]
    waiting: Sequence[Row]


async def groups(connection: asyncpg.Connection, tenant_name: str | None, *, limit: int) -> list[Row]:
    """Return the groups of one tenant or of all, each with the numbers of its members and of those who wait."""
    return [dict(row) for row in await connection.fetch(_GROUPS, tenant_name, None, None, limit)]


async def group(
    connection: asyncpg.Connection, name: str, tenant_name: str | None, *, limit: int | None = None
) -> GroupShown:
    """Return the group with an id or a displayName; raises ``CommandError`` unless there is exactly one."""
    found = await connection.fetch(_GROUPS, tenant_name, name, fold(name), 20)
    if not found:
        raise CommandError(f"There is no group {name!r}. `rollbook groups` shows those there are.")
    if len(found) > 1:
        where = ", ".join(str(row["tenant_name"]) for row in found)
        raise CommandError(f"{len(found)} groups are called {name!r}: name a tenant with --tenant ({where}).")
    key = (found[0]["tenant"], found[0]["id"], limit)
    members = await connection.fetch(_MEMBERS, *key)
    waiting = await connection.fetch(_WAITING, *key)
    return GroupShown(dict(found[0]), [dict(row) for row in members], [dict(row) for row in waiting])


async def pending(
    connection: asyncpg.Connection,
    tenant_name: str | None,
    *,
    kind: Kind | None = None,
    before: datetime | None = None,
    deleted: bool = False,
) -> list[Row]:
    """Return the references that wait for a person, the oldest of each tenant first.

    ``before`` keeps those that have waited since then or longer; ``deleted`` adds managers who are gone for good.
    """
    until = None if before is None else format_instant(before)
    return [dict(row) for row in await connection.fetch(_PENDING, tenant_name, kind, until, deleted)]
