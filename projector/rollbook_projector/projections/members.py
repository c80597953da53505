"""Table ``lms.group_members``: one row for each member of a group; what a batch must know of it, and changes."""

import asyncio
from collections.abc import Collection, Mapping
from typing import TypeAlias

from rollbook_contracts.tables import lms
from rollbook_projector.references.book import Book
from rollbook_projector.references.roll import BY_ID, Membership, Roll
from rollbook_projector.session import Connection
from rollbook_projector.statements import Growth, copy, execute, fetch, pieces, upsert

Known: TypeAlias = list[tuple[str, str, str, Membership]]
"""Memberships with tenant, group and person of each."""


class MemberTable:
    """Reads and writes the rows, in ``lms.group_members`` or in a table of the same shape."""

    def __init__(self, name: str = "lms.group_members") -> None:
        select = "SELECT members.tenant, members.group_id, members.user_id, members.by_id, members.named FROM unnest("
        self._pairs = (
            f"{select}$1::text[], $2::text[], $3::text[]) AS wanted (tenant, group_id, user_id)"
            f" JOIN {name} AS members USING (tenant, group_id, user_id)"
        )
        where = f"FROM {name} WHERE tenant = $1 AND group_id = $2 AND"
        self._plain = f"SELECT array_agg(user_id) {where} by_id AND named = 0"
        self._counts = (
            "SELECT tenant, many.count FROM unnest($1::text[], $2::text[]) AS wanted (tenant, group_id),"  # noqa: S608  # our own name
            f" LATERAL (SELECT count(*) FROM (SELECT FROM {name} AS members WHERE members.tenant = wanted.tenant"
            " AND members.group_id = wanted.group_id LIMIT $3) AS first_ones) AS many"
        )
        self._others = f"SELECT user_id, by_id, named {where} named > 0"
        self._of_people = (
            f"{select}$1::text[], $2::text[]) AS wanted (tenant, user_id), LATERAL (SELECT * FROM {name} AS found"  # noqa: S608  # our own name
            " WHERE found.tenant = wanted.tenant AND found.user_id = wanted.user_id LIMIT $3) AS members LIMIT $3"
        )
        self._empty = (
            f"DELETE FROM {name} AS members USING unnest($1::text[], $2::text[]) AS gone (tenant, group_id)"  # noqa: S608  # our own name
            " WHERE members.tenant = gone.tenant AND members.group_id = gone.group_id"
        )
        self._delete = (
            f"DELETE FROM {name} AS members"  # noqa: S608
            " USING unnest($1::text[], $2::text[], $3::text[]) AS gone (tenant, group_id, user_id)"
            " WHERE members.tenant = gone.tenant AND members.group_id = gone.group_id"
            " AND members.user_id = gone.user_id"
        )
        self._upsert = upsert(lms.group_members, name)
        self._name = name
        self.growth = Growth(name)

    async def pairs(self, connection: Connection, wanted: Collection[tuple[str, str, str]]) -> Known:
        """Return those memberships that there are: tenant, group, person."""
        return await self._load(connection, self._pairs, wanted)

    async def roll(self, connection: Connection, tenant: str, group: str) -> Roll:
        """Return all members of a group, who may be a hundred thousand: most are so by their ids alone."""
        plain = await connection.fetchval(self._plain, tenant, group)
        others = await connection.fetch(self._others, tenant, group)
        members = dict.fromkeys(plain or (), BY_ID)
        return Roll(members | {user_id: Membership(by_id, named) for user_id, by_id, named in others})

    async def counts(
        self, connection: Connection, groups: Collection[tuple[str, str]], most: int
    ) -> list[tuple[str, int]]:
        """Return of each group its tenant and how many members it has, so many at most."""
        return [(tenant, count) for tenant, count in await fetch(connection, self._counts, groups, most)]

    async def of_people(
        self, connection: Connection, people: Collection[tuple[str, str]], most: int | None = None
    ) -> Known:
        """Return all memberships of people; about so many at most."""
        return await self._load(connection, self._of_people, people, most)

    async def write(self, connection: Connection, books: Mapping[str, Book]) -> None:
        """Bring the rows to their last state."""
        rolls = [(tenant, group, roll) for tenant, book in books.items() for group, roll in book.rolls.items()]
        if emptied := [(tenant, group) for tenant, group, roll in rolls if roll.emptied]:
            await execute(connection, self._empty, emptied)
        changes = [(tenant, group, roll.changed()) for tenant, group, roll in rolls]
        await execute(
            connection,
            self._delete,
            ((tenant, group, one) for tenant, group, change in changes for one in change.removed),
        )
        if count := sum(len(change.added) for _, _, change in changes):
            added = ((tenant, group, one, *why) for tenant, group, change in changes for one, why in change.added)
            await copy(connection, lms.group_members, self._name, added)
            self.growth.noted(count)
        kept = ((tenant, group, one, *why) for tenant, group, change in changes for one, why in change.kept)
        await execute(connection, self._upsert, kept)

    async def _load(
        self, connection: Connection, statement: str, wanted: Collection[tuple[str, ...]], *more: int | None
    ) -> Known:
        known: Known = []
        for piece in pieces(await fetch(connection, statement, wanted, *more)):
            known += (
                (tenant, group, user_id, Membership(by_id, named)) for tenant, group, user_id, by_id, named in piece
            )
            await asyncio.sleep(0)
        return known
