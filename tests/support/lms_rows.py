"""Rows of the LMS's tables, inserted as the projector would write them; for tests of what only reads the tables."""

from typing import Any

import asyncpg
import msgspec

from rollbook_contracts.emails import principal_email
from rollbook_contracts.folding import fold
from rollbook_contracts.urns import ENTERPRISE

LONG_AGO = "2026-01-01T00:00:00.000000Z"


async def insert(database: asyncpg.Connection, table: str, **values: Any) -> None:
    """Insert one row into a table of schema ``lms``."""
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    await database.execute(f"INSERT INTO lms.{table} ({', '.join(values)}) VALUES ({places})", *values.values())


async def tenant(database: asyncpg.Connection, tenant: str, name: str) -> None:
    await insert(database, "tenants", tenant=tenant, name=name, enabled=True, fact_seq=1)


async def user(
    database: asyncpg.Connection, tenant: str, user_id: str, document: dict[str, Any], *, manager_id: str | None = None
) -> None:
    """Insert a person with a canonical document."""
    email = principal_email(document.get("emails", ()))
    name, number = document.get("displayName"), document.get(ENTERPRISE, {}).get("employeeNumber")
    await insert(
        database,
        "users",
        tenant=tenant,
        id=user_id,
        user_name=document["userName"],
        user_name_folded=fold(document["userName"]),
        email=email,
        email_folded=email and fold(email),
        extra_emails=False,
        employee_id=number,
        employee_id_folded=number and fold(number),
        external_id=document.get("externalId"),
        display_name=name,
        display_name_folded=name and fold(name),
        active=document.get("active", True),
        manager_id=manager_id,
        document=msgspec.json.encode(document).decode(),
        search="{}",
        created=LONG_AGO,
        last_modified=LONG_AGO,
        fact_seq=1,
        last_change="1-00-1-0",
    )


async def group(
    database: asyncpg.Connection, tenant: str, group_id: str, name: str, *, external_id: str | None = None
) -> None:
    document = {"displayName": name} | ({"externalId": external_id} if external_id else {})
    await insert(
        database,
        "groups",
        tenant=tenant,
        id=group_id,
        display_name=name,
        display_name_folded=fold(name),
        external_id=external_id,
        document=msgspec.json.encode(document).decode(),
        created=LONG_AGO,
        last_modified=LONG_AGO,
        fact_seq=2,
        members_seq=0,
        last_change="1-00-2-0",
        shown_seq=0,
    )


async def member(
    database: asyncpg.Connection, tenant: str, group_id: str, user_id: str, *, by_id: bool = True, named: int = 0
) -> None:
    await insert(database, "group_members", tenant=tenant, group_id=group_id, user_id=user_id, by_id=by_id, named=named)


async def reference(
    database: asyncpg.Connection,
    tenant: str,
    kind: str,
    holder_id: str,
    value: str,
    user_id: str | None = None,
    *,
    rank: int = 0,
    target_deleted: bool = False,
    since: str = LONG_AGO,
) -> None:
    """Insert a reference as it was sent; it waits without a ``user_id``."""
    await insert(
        database,
        "sent_references",
        tenant=tenant,
        kind=kind,
        holder_id=holder_id,
        value=value,
        value_folded=fold(value),
        rank=rank,
        user_id=user_id,
        target_deleted=target_deleted,
        since=since,
    )
