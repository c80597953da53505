"""Table ``lms.sent_references``: one row for each manager, and each member known by another value than an id."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Final, TypeAlias

from rollbook_contracts.folding import fold_reference
from rollbook_contracts.limits import KEY_BYTES
from rollbook_contracts.tables import lms
from rollbook_projector.projections.storable import Storable
from rollbook_projector.recorded import Recorded
from rollbook_projector.references.book import Book
from rollbook_projector.references.sent import Reference, ReferenceKind
from rollbook_projector.session import Connection
from rollbook_projector.statements import Growth, copy, execute, fetch, pieces, upsert

Known: TypeAlias = list[tuple[str, Reference]]
"""References with the tenant of each."""

_STORABLE: Final = Storable(lms.sent_references)


def check_references(recorded: Recorded, kind: ReferenceKind, values: Sequence[str]) -> None:
    """Raise ``ValueError`` where a value of a fact cannot stand in the table."""
    together = "".join(values)
    if together.isascii() and "\x00" not in together and len(max(values, key=len, default="")) <= KEY_BYTES:
        return
    for value in values:
        _STORABLE.check(
            (recorded.tenant, kind, recorded.resource, value, fold_reference(value), 0, None, False, recorded.time)
        )


class ReferenceTable:
    """Reads and writes the rows, in ``lms.sent_references`` or in a table of the same shape."""

    def __init__(self, name: str = "lms.sent_references") -> None:
        columns = ", ".join(f"sent.{column.name}" for column in lms.sent_references.columns)
        self._name = name
        self._any = (
            "SELECT tenant FROM unnest($1::text[]) AS wanted (tenant)"  # noqa: S608  # the name is the caller's own
            f" WHERE EXISTS (SELECT FROM {name} AS sent WHERE sent.tenant = wanted.tenant)"
        )
        select = f"SELECT {columns} FROM unnest($1::text[], $2::text[]"  # noqa: S608
        self._by_value = (
            # Lateral, by the index: where most references have one value, a join reads all of the tenant's for each.
            f"{select}) AS wanted (tenant, folded), LATERAL (SELECT * FROM {name} AS found"  # noqa: S608  # our own name
            " WHERE found.tenant = wanted.tenant AND found.value_folded = wanted.folded LIMIT $3) AS sent LIMIT $3"
        )
        self._by_holder = (
            f"{select}, $3::text[]) AS wanted (tenant, kind, holder) JOIN {name} AS sent"
            " ON sent.tenant = wanted.tenant AND sent.kind = wanted.kind AND sent.holder_id = wanted.holder"
        )
        self._by_group_and_value = (
            f"{select}, $3::text[]) AS wanted (tenant, holder, value) JOIN {name} AS sent"
            " ON sent.tenant = wanted.tenant AND sent.kind = 'member' AND sent.holder_id = wanted.holder"
            " AND sent.value = wanted.value"
        )
        self._by_group_and_user = (
            f"{select}, $3::text[]) AS wanted (tenant, holder, user_id) JOIN {name} AS sent"
            " ON sent.tenant = wanted.tenant AND sent.user_id = wanted.user_id AND sent.kind = 'member'"
            " AND sent.holder_id = wanted.holder"
        )
        self._delete = (
            f"DELETE FROM {name} AS sent"  # noqa: S608
            " USING unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS gone (tenant, kind, holder, value)"
            " WHERE sent.tenant = gone.tenant AND sent.kind = gone.kind AND sent.holder_id = gone.holder"
            " AND sent.value = gone.value"
        )
        self._empty = (
            f"DELETE FROM {name} AS sent USING unnest($1::text[], $2::text[]) AS gone (tenant, holder)"  # noqa: S608
            " WHERE sent.tenant = gone.tenant AND sent.kind = 'member' AND sent.holder_id = gone.holder"
        )
        self._upsert = upsert(lms.sent_references, name)
        self.growth = Growth(name)

    async def tenants_with_any(self, connection: Connection, tenants: Collection[str]) -> set[str]:
        """Return those of the tenants that have any reference at all."""
        if not tenants:
            return set()
        return {tenant for (tenant,) in await connection.fetch(self._any, list(tenants))}

    async def by_value(
        self, connection: Connection, folds: Collection[tuple[str, str]], most: int | None = None
    ) -> Known:
        """Return the references whose values have these folds (tenant, fold); about so many at most."""
        return await self._load(connection, self._by_value, folds, most)

    async def by_holder(self, connection: Connection, holders: Collection[tuple[str, str, str]]) -> Known:
        """Return all references of groups or people: tenant, kind, holder."""
        return await self._load(connection, self._by_holder, holders)

    async def by_group_and_value(self, connection: Connection, members: Collection[tuple[str, str, str]]) -> Known:
        """Return those references of members that were sent as these values: tenant, group, value."""
        return await self._load(connection, self._by_group_and_value, members)

    async def by_group_and_user(self, connection: Connection, members: Collection[tuple[str, str, str]]) -> Known:
        """Return those references of members that name these people: tenant, group, person."""
        return await self._load(connection, self._by_group_and_user, members)

    async def write(self, connection: Connection, books: Mapping[str, Book]) -> None:
        """Bring the rows to their last state."""
        emptied = [
            (tenant, group) for tenant, book in books.items() for group, roll in book.rolls.items() if roll.emptied
        ]
        await execute(connection, self._empty, emptied)
        changed = [(tenant, *pair) for tenant, book in books.items() for pair in book.references.changed()]
        gone = ((tenant, *before.key) for tenant, before, after in changed if before and not after)
        await execute(connection, self._delete, gone)
        if new := [(tenant, *after) for tenant, before, after in changed if after and not before]:
            await copy(connection, lms.sent_references, self._name, new)
            self.growth.noted(len(new))
        await execute(
            connection, self._upsert, ((tenant, *after) for tenant, before, after in changed if after and before)
        )

    async def _load(
        self, connection: Connection, statement: str, wanted: Collection[tuple[str, ...]], *more: int | None
    ) -> Known:
        known: Known = []
        for piece in pieces(await fetch(connection, statement, wanted, *more)):
            known += ((tenant, Reference(*row)) for tenant, *row in piece)
            await asyncio.sleep(0)
        return known
