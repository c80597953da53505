"""Column ``last_change`` of people and groups, where consumers are told of a correction and not of a fact."""

from collections.abc import Mapping

from rollbook_projector.session import Connection
from rollbook_projector.statements import columns_of


class VersionColumns:
    """Writes the column, in the live tables or in others of their shapes."""

    def __init__(self, *tables: str) -> None:
        self._updates = [
            f"UPDATE {table} SET last_change = corrected.version"  # noqa: S608  # our own names
            " FROM unnest($1::text[], $2::text[], $3::text[]) AS corrected (tenant, id, version)"
            f" WHERE {table}.tenant = corrected.tenant AND {table}.id = corrected.id"
            for table in tables or ("lms.users", "lms.groups")
        ]

    async def write(self, connection: Connection, corrected: Mapping[tuple[str, str], str]) -> None:
        """Note the last versions of resources; of those who are gone nothing is noted."""
        if corrected:
            columns = columns_of((*key, version) for key, version in corrected.items())
            for update in self._updates:
                await connection.execute(update, *columns)
