"""Groups and their members as the tables hold them, for tests of searches; the projector's part is tested elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import msgspec

from rollbook_contracts.folding import fold
from rollbook_contracts.tables import lms
from rollbook_gateway.scim.compiled import group_schema
from rollbook_gateway.scim.rendering import Meta, render
from rollbook_projector.statements import columns_of, insert
from support.searched_people import CREATED, MODIFIED

MEMBERS_MODIFIED = "2026-11-24T03:44:45.250000Z"
LATER = "2026-11-24T03:44:47.000000Z"
"""Time of a last fact of members that changed nothing."""


def group_id_of(number: int) -> str:
    """Return the id of a group by its place in the list."""
    return f"grp_{number:026d}"


@dataclass(frozen=True, slots=True)
class Group:
    """A group: its head, the ids that were sent for members, and other values with whom each links to, if anybody."""

    document: dict[str, Any]
    ids: tuple[str, ...] = ()
    sent: dict[str, str | None] = field(default_factory=dict)

    @property
    def touched(self) -> bool:
        """Whether there was ever a fact of its members."""
        return bool(self.ids or self.sent)


def times_and_version(number: int, group: Group) -> tuple[str, str]:
    """Return a group's last change and its version, its head being at the sequence of its place, from 1."""
    modified = MEMBERS_MODIFIED if group.touched else MODIFIED
    return modified, f"{number + 1}.{1000 + number if group.touched else 0}"


async def insert_groups(connection: asyncpg.Connection, tenant: str, groups: Sequence[Group]) -> None:
    """Put groups into the tables."""
    heads, members, references = [], [], []
    for number, group in enumerate(groups):
        one = group_id_of(number)
        name = group.document["displayName"]
        heads.append(
            (
                *(tenant, one, name, fold(name), group.document.get("externalId")),
                *(msgspec.json.encode(group.document).decode(), CREATED, MODIFIED, number + 1),
                *((2000 + number, LATER) if group.touched else (0, None)),
                "",
                *((1000 + number, MEMBERS_MODIFIED) if group.touched else (0, None)),
            )
        )
        for person in {*group.ids, *filter(None, group.sent.values())}:
            named = sum(linked == person for linked in group.sent.values())
            members.append((tenant, one, person, person in group.ids, named))
        for value, linked in group.sent.items():
            references.append((tenant, "member", one, value, fold(value), 0, linked, False, MODIFIED))
    for table, rows in ((lms.groups, heads), (lms.group_members, members), (lms.sent_references, references)):
        if rows:
            await connection.execute(insert(table, f"lms.{table.name}"), *columns_of(rows))


def group_resource(number: int, group: Group, names: dict[str, str]) -> dict[str, Any]:
    """Return a group as filters see it, members by each of their names; ``names`` tells what people are called."""
    modified, version = times_and_version(number, group)
    meta = Meta("Group", CREATED, modified, f"http://gateway.example/Groups/{group_id_of(number)}", version)
    people = {*group.ids, *filter(None, group.sent.values())}
    members = [{"value": one, "type": "User", "display": names[one]} for one in sorted(people)]
    for value, linked in group.sent.items():
        members.append({"value": value, "type": "User", **({"display": names[linked]} if linked else {})})
    resource = render(group.document, group_id_of(number), meta, group_schema())
    return {**resource, "members": members} if members else resource
