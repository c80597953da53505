"""What tenants, tokens and resources are called now; entries hold ids."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import asyncpg
import msgspec

from rollbook_contracts.requests.entry import Entry

_TENANTS: Final = "SELECT tenant, name FROM control.tenants WHERE tenant = ANY ($1::text[])"
_TOKENS: Final = "SELECT key_id, label FROM control.tokens WHERE key_id = ANY ($1::text[])"
_RESOURCES: Final = """
WITH asked AS (SELECT * FROM unnest($1::text[], $2::text[]) AS asked (tenant, id))
SELECT id, user_name FROM lms.users JOIN asked USING (tenant, id)
UNION ALL SELECT id, display_name FROM lms.groups JOIN asked USING (tenant, id)
"""


@dataclass(slots=True)
class Names:
    """Names by id, asked for when an entry needs them; a token's label once, since it does not change."""

    connection: asyncpg.Connection
    tenants: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    async def fill(self, entries: Sequence[Entry]) -> list[Entry]:
        """Learn what the tenants and tokens of entries are called; return them with the names of their resources."""
        await self._learn(_TENANTS, self.tenants, {entry.tenant for entry in entries})
        await self._learn(_TOKENS, self.tokens, {entry.key_id for entry in entries})
        nameless = [entry for entry in entries if entry.resource_id and not entry.resource_name]
        if not nameless:
            return list(entries)
        tenants, ids = [entry.tenant for entry in nameless], [entry.resource_id for entry in nameless]
        known = dict(await self.connection.fetch(_RESOURCES, tenants, ids))
        return [_named(entry, known) for entry in entries]

    async def _learn(self, query: str, known: dict[str, str], ids: set[str]) -> None:
        unknown = ids - known.keys()
        if unknown:
            known.update(await self.connection.fetch(query, list(unknown)))


def _named(entry: Entry, known: dict[str, str]) -> Entry:
    if entry.resource_name or entry.resource_id not in known:
        return entry
    return msgspec.structs.replace(entry, resource_name=known[entry.resource_id])
