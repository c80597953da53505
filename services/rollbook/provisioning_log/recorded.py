"""Entries in the table, and counts of what is not there; for `rollbook log`."""

from typing import Final

import asyncpg

from rollbook.provisioning_log.wanted import FAILED, Wanted
from rollbook_contracts.datetimes import format_instant
from rollbook_contracts.requests.entry import Entry

_COLUMNS: Final = ", ".join(Entry.__struct_fields__)
_QUERY: Final = f"""
SELECT {_COLUMNS} FROM provisioning.requests
WHERE ($1::text IS NULL OR tenant = $1) AND (NOT $2 OR status >= {FAILED})
  AND ($3::text IS NULL OR resource_id = $3) AND ($4::text IS NULL OR resource_name_folded = $4)
  AND ($5::timestamptz IS NULL OR time >= $5)
ORDER BY time DESC, request_id DESC LIMIT $6
"""  # noqa: S608  # names come from definitions
_COUNTS: Final = """
SELECT coalesce(sum(unadmitted), 0)::bigint, coalesce(sum(lost), 0)::bigint FROM provisioning.request_counts
WHERE $1::timestamptz IS NULL OR until >= $1
"""


async def recorded(connection: asyncpg.Connection, wanted: Wanted, limit: int) -> list[Entry]:
    """Return the last ``limit`` entries that are wanted, the oldest first."""
    rows = await connection.fetch(
        _QUERY, wanted.tenant, wanted.failed, wanted.resource_id, wanted.folded_name, wanted.since, limit
    )
    return [_entry(row) for row in reversed(rows)]


async def not_recorded(connection: asyncpg.Connection, wanted: Wanted) -> tuple[int, int]:
    """Return how many requests were refused before a tenant was known, and how many entries were lost.

    Gateways count from their start: with a time, those that told of any since then.
    """
    unadmitted, lost = await connection.fetchrow(_COUNTS, wanted.since)
    return unadmitted, lost


def _entry(row: asyncpg.Record) -> Entry:
    values = {
        **row,
        "time": format_instant(row["time"]),
        "changed": tuple(row["changed"]),
        "notes": tuple(row["notes"]),
    }
    return Entry(**values)
