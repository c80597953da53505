"""Who is there, and who shares a value that would have to be unique: asked of the tables by operators' commands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from rollbook_contracts.settings import UniqueIdentifier

# Facts that are parked have people whom the tables do not show, or show as they were.
_EVERYBODY: Final = """
    SELECT id FROM lms.users WHERE tenant = $1
    UNION SELECT resource FROM provisioning.parked WHERE tenant = $1 AND type LIKE 'user.%'
    ORDER BY id"""
_COLLISIONS: Final = """
    SELECT value, id, user_name, active
    FROM (SELECT {column} AS value, id, user_name, active, count(*) OVER (PARTITION BY {column}) AS sharing
          FROM lms.users WHERE tenant = $1 AND {column} IS NOT NULL) AS valued
    WHERE sharing > 1
    ORDER BY value, user_name"""
_COLUMNS: Final[dict[UniqueIdentifier, str]] = {"email": "email_folded", "employee-id": "employee_id"}


@dataclass(frozen=True, slots=True)
class Collision:
    """A person whose value somebody else has, too; what the tables do not show is empty."""

    value: str
    id: str
    user_name: str
    active: bool | None


async def everybody(connection: asyncpg.Connection, tenant: str) -> Sequence[str]:
    """Return the ids of a tenant's people."""
    return [person for (person,) in await connection.fetch(_EVERYBODY, tenant)]


async def collisions(connection: asyncpg.Connection, tenant: str, identifier: UniqueIdentifier) -> Sequence[Collision]:
    """Return those who would not be unique by an identifier, those of one value together."""
    rows = await connection.fetch(_COLLISIONS.format(column=_COLUMNS[identifier]), tenant)
    return [Collision(**row) for row in rows]


async def without(connection: asyncpg.Connection, tenant: str, identifier: UniqueIdentifier) -> int:
    """Return how many people have no value of an identifier, so that their userName alone is unique."""
    statement = f"SELECT count(*) FROM lms.users WHERE tenant = $1 AND {_COLUMNS[identifier]} IS NULL"  # noqa: S608  # one of two columns
    return int(await connection.fetchval(statement, tenant))
