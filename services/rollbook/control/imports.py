"""What keeps imports apart: one at a time for each tenant, and no token of one that was killed outlives it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import asyncpg

from rollbook.control.tokens import revoke_labelled
from rollbook.errors import CommandError

LABEL = "rollbook import"
"""The label of the tokens that imports issue for themselves."""
# Any constant will do: with it a tenant's hash is a lock of imports and of nothing else.
_IMPORTS_LOCK = 7_303_002


@asynccontextmanager
async def only_import(connection: asyncpg.Connection, tenant: str, *, now: datetime) -> AsyncIterator[None]:
    """Be the tenant's only import for the block; raises ``CommandError`` where another one runs."""
    if not await connection.fetchval("SELECT pg_try_advisory_lock(hashtextextended($1, $2))", tenant, _IMPORTS_LOCK):
        raise CommandError("Another `rollbook import` runs for this tenant: wait for its end, or stop it.")
    try:
        await revoke_labelled(connection, tenant, LABEL, now=now)
        yield
    finally:
        await connection.execute("SELECT pg_advisory_unlock(hashtextextended($1, $2))", tenant, _IMPORTS_LOCK)
