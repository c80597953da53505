"""What consumers know of people and groups, for changes that tell more than one fact says: versions and documents."""

from collections.abc import Collection, Mapping

from rollbook_projector.session import Connection
from rollbook_projector.statements import columns_of


class VersionColumns:
    """Writes ``last_change`` and reads ``document``, in the live tables or in others of their shapes."""

    def __init__(self, *tables: str) -> None:
        names = tables or ("lms.users", "lms.groups")
        self._updates = [
            f"UPDATE {table} SET last_change = corrected.version"  # noqa: S608  # our own names
            " FROM unnest($1::text[], $2::text[], $3::text[]) AS corrected (tenant, id, version)"
            f" WHERE {table}.tenant = corrected.tenant AND {table}.id = corrected.id"
            for table in names
        ]
        self._documents = " UNION ALL ".join(
            f"SELECT tenant, id, document FROM {table} JOIN unnest($1::text[], $2::text[])"  # noqa: S608  # likewise
            " AS wanted (tenant, id) USING (tenant, id)"
            for table in names
        )

    async def write(self, connection: Connection, corrected: Mapping[tuple[str, str], str]) -> None:
        """Note the versions of the last corrections; of those who are gone nothing is noted."""
        if corrected:
            columns = columns_of((*key, version) for key, version in corrected.items())
            for update in self._updates:
                await connection.execute(update, *columns)

    async def documents(
        self, connection: Connection, resources: Collection[tuple[str, str]]
    ) -> dict[tuple[str, str], str]:
        """Return the documents of those resources that have one."""
        if not resources:
            return {}
        rows = await connection.fetch(self._documents, *columns_of(resources))
        return {(tenant, resource): document for tenant, resource, document in rows}
