"""A page of the provisioning log becomes rows; what is there already stays as it is, so that a page may come twice."""

from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from rollbook_contracts.folding import fold
from rollbook_contracts.requests.codec import RequestsAnswered
from rollbook_contracts.requests.entry import Entry
from rollbook_contracts.tables.provisioning import requests
from rollbook_projector.session import Connection

PRUNED_AT_ONCE: Final = 5_000

_COLUMNS: Final = [column.name for column in requests.columns]

_INSERT: Final = f"""
INSERT INTO provisioning.requests ({", ".join(_COLUMNS)})
SELECT {", ".join(_COLUMNS)} FROM json_populate_recordset(NULL::provisioning.requests, $1::json)
ON CONFLICT (tenant, request_id) DO NOTHING
"""  # noqa: S608  # names come from definitions

_COUNT: Final = """
INSERT INTO provisioning.request_counts AS present (gateway, since, until, unadmitted, lost)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (gateway, since) DO UPDATE SET
    until = greatest(present.until, excluded.until),
    unadmitted = greatest(present.unadmitted, excluded.unadmitted),
    lost = greatest(present.lost, excluded.lost)
"""

_PRUNE: Final = """
DELETE FROM provisioning.requests WHERE (tenant, request_id) IN (
    SELECT tenant, request_id FROM provisioning.requests WHERE time < $1 ORDER BY time LIMIT $2
)
"""
_PRUNE_COUNTS: Final = "DELETE FROM provisioning.request_counts WHERE until < $1"


async def store(connection: Connection, page: RequestsAnswered, sent: datetime) -> None:
    """Store a page that was sent at a time."""
    async with connection.transaction():
        if page.entries:
            await connection.execute(_INSERT, msgspec.json.encode([_row(entry) for entry in page.entries]).decode())
        if page.unadmitted or page.lost:
            since = datetime.fromisoformat(page.since)
            await connection.execute(_COUNT, page.gateway, since, sent, page.unadmitted, page.lost)


async def prune(connection: Connection, *, now: datetime, keep: timedelta, at_once: int = PRUNED_AT_ONCE) -> int:
    """Delete what is older than is to be kept, a few thousand rows at a time; return how many there were."""
    pruned = 0
    while True:
        deleted = int((await connection.execute(_PRUNE, now - keep, at_once)).rpartition(" ")[2])
        pruned += deleted
        if deleted < at_once:
            break
    await connection.execute(_PRUNE_COUNTS, now - keep)
    return pruned


def _row(entry: Entry) -> dict[str, Any]:
    return {**msgspec.structs.asdict(entry), "resource_name_folded": fold(entry.resource_name)}
