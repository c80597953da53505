"""Searches of groups, as the requests ask for them: one with all of its members, or pages by a filter."""

from typing import Any, Final

import asyncpg

from rollbook_gateway.scim.compiled import Target, group_schema
from rollbook_gateway.scim.filters import Comparison, Filter
from rollbook_gateway.search import last_facts
from rollbook_gateway.search.errors import StaleError
from rollbook_gateway.search.freshness import CheckpointNotices
from rollbook_gateway.search.group_columns import GROUPS
from rollbook_gateway.search.members import Members
from rollbook_gateway.search.pages import Question, SearchedLog, Span, Tables, find
from rollbook_gateway.search.rows import GroupPage, GroupRow
from rollbook_gateway.search.statement import GROUP, GROUPS_WITH_MEMBERS, ONE_GROUP_WITH_MEMBERS, Listed

_HEAD: Final = 7
"""Columns of a group that are always read."""


class GroupSearch:
    """Finds groups in ``lms.groups``; what it answers holds all that was accepted before it was asked.

    While facts of a group are parked it is answered as its last head has it; where its members are asked for, it
    raises ``StaleError``. Its methods raise ``SearchUnavailableError`` and the log's ``UnavailableError``, too.
    """

    def __init__(self, pool: asyncpg.Pool, log: SearchedLog, notices: CheckpointNotices) -> None:
        self._tables = Tables(pool, log, notices)

    async def group(self, tenant: str, partition: int, group_id: str) -> GroupRow | None:
        """Return a group with all of its members, ``None`` where there is none."""
        target = group_schema().resolve("id")
        assert isinstance(target, Target)
        condition = Comparison(target, "eq", group_id)
        found = await self._find(tenant, partition, condition, (1, 1), ONE_GROUP_WITH_MEMBERS)
        return found.rows[0] if found.rows else None

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
        """Return ``count`` groups at most, from ``start_index`` (1 is the first) on; members only where asked for.

        With members there may be fewer than ``count``, and more behind them.
        """
        listed = GROUPS_WITH_MEMBERS if members else GROUP
        return await self._find(tenant, partition, condition, (start_index, count), listed)

    async def _find(
        self, tenant: str, partition: int, condition: Filter | None, cut: tuple[int, int], listed: Listed
    ) -> GroupPage:
        span = await Span.begin(self._tables.log, partition)
        question = Question(
            tenant,
            condition,
            "grp",
            GROUPS,
            listed,
            row=_row,
            last_fact=lambda one: last_facts.group(self._tables.log, partition, tenant, one, condition),
        )
        start_index, count = cut
        found, instead = await find(self._tables, span, question, start_index - 1, count)
        if listed is not GROUP and (parked := [row.id for row in found.rows if row.id in instead.ids]):
            raise StaleError(f"facts of {parked[0]} are parked, and its members were asked for")
        return found


def _row(*values: Any) -> GroupRow:
    head, members = values[:_HEAD], values[_HEAD:]
    return GroupRow(*head, *map(Members, members))
