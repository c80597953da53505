"""What the tables hold of one tenant, as far as a comparison needs it; read in one snapshot of the database."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import asyncpg
import msgspec

from rollbook.snapshot.names import NameSet
from rollbook_contracts.settings import TenantSettings

_DOCUMENT: Final = msgspec.json.Decoder(dict[str, Any])
_PEOPLE: Final = """
SELECT id, external_id, user_name, email, employee_id, display_name, active, document FROM lms.users
WHERE tenant = $1 ORDER BY id
"""
_GROUPS: Final = "SELECT id, display_name, external_id FROM lms.groups WHERE tenant = $1 ORDER BY id"
_BY_ID: Final = "SELECT group_id, user_id FROM lms.group_members WHERE tenant = $1 AND by_id"
_REFERENCES: Final = "SELECT holder_id, value FROM lms.sent_references WHERE tenant = $1 AND kind = 'member'"


class Person(NamedTuple):
    """A person in the tables; the document stays text until it is needed."""

    id: str
    names: NameSet
    active: bool
    text: str

    @property
    def document(self) -> dict[str, Any]:
        return _DOCUMENT.decode(self.text)


@dataclass(frozen=True, slots=True)
class Group:
    """A group in the tables: who is a member by the id, and the other values that were sent for members."""

    id: str
    display_name: str
    external_id: str | None
    by_id: set[str] = field(default_factory=set)
    sent: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Present:
    """The tenant's people and groups by their ids, and its rules."""

    settings: TenantSettings = field(default_factory=TenantSettings)
    people: Mapping[str, Person] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)


async def read_present(connection: asyncpg.Connection, tenant: str, settings: TenantSettings) -> Present:
    """Read the tables as they are at one moment."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        people = {
            row[0]: Person(row[0], NameSet(*row[1:6]), row[6], row[7])
            async for row in connection.cursor(_PEOPLE, tenant, prefetch=2000)
        }
        groups = {row[0]: Group(*row) async for row in connection.cursor(_GROUPS, tenant, prefetch=2000)}
        async for group_id, user_id in connection.cursor(_BY_ID, tenant, prefetch=10_000):
            if group_id in groups:
                groups[group_id].by_id.add(user_id)
        async for group_id, value in connection.cursor(_REFERENCES, tenant, prefetch=10_000):
            if group_id in groups:
                groups[group_id].sent.add(value)
    return Present(settings, people, groups)
