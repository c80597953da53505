"""Requests on /Groups: POST, GET, PUT, PATCH, DELETE and lists; called by the edge's routes with an admitted caller."""

from typing import Protocol

from rollbook_gateway.scim.filters import Filter
from rollbook_gateway.search.rows import GroupPage, GroupRow


class GroupSearch(Protocol):
    """What is asked of the tables: groups with their members, and lists.

    Both raise ``StaleError``, ``SearchUnavailableError`` and the log's ``UnavailableError``: the caller may try again.
    """

    async def group(self, tenant: str, partition: int, group_id: str) -> GroupRow | None:
        """Return a group with all of its members, ``None`` where there is none."""

    async def page(
        self,
        tenant: str,
        partition: int,
        condition: Filter | None,
        start_index: int,
        count: int,
        *,
        members: bool,
    ) -> GroupPage:
        """Return ``count`` groups at most, from ``start_index`` (1 is the first) on; members only where asked for."""
