"""Searches of groups, as the requests ask for them: one with all of its members, or pages by a filter."""

import asyncio
from contextlib import nullcontext
from typing import Final

import asyncpg

from rollbook_gateway.scim.compiled import Target, group_schema
from rollbook_gateway.scim.filters import Comparison, Filter
from rollbook_gateway.search import last_facts
from rollbook_gateway.search.errors import StaleError
from rollbook_gateway.search.freshness import CheckpointNotices
from rollbook_gateway.search.group_columns import GROUPS
from rollbook_gateway.search.group_members import with_members
from rollbook_gateway.search.pages import Question, SearchedLog, Span, Tables, find
from rollbook_gateway.search.rows import GroupPage, GroupRow
from rollbook_gateway.search.statement import GROUP

_AT_ONCE: Final = 4
"""How many searches may read members at once: each holds a connection while it does, and others need theirs."""


class GroupSearch:
    """Finds groups in ``lms.groups``; what it answers holds all that was accepted before it was asked.

    While facts of a group are parked it is answered as its last head has it; where its members are asked for, it
    raises ``StaleError``. Its methods raise ``SearchUnavailableError`` and the log's ``UnavailableError``, too.
    """

    def __init__(self, pool: asyncpg.Pool, log: SearchedLog, notices: CheckpointNotices) -> None:
        self._tables = Tables(pool, log, notices)
        self._members_turn = asyncio.Semaphore(_AT_ONCE)

    async def group(self, tenant: str, partition: int, group_id: str) -> GroupRow | None:
        """Return a group with all of its members, ``None`` where there is none."""
        return await self._one(tenant, partition, group_id, members=True)

    async def state(self, tenant: str, partition: int, group_id: str) -> GroupRow | None:
        """Return the same group without reading the members, however many: when they changed is known all the same."""
        return await self._one(tenant, partition, group_id, members=False)

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
        return await self._found(tenant, partition, condition, (start_index, count), members=members, known=members)

    async def _one(self, tenant: str, partition: int, group_id: str, *, members: bool) -> GroupRow | None:
        target = group_schema().resolve("id")
        assert isinstance(target, Target)
        condition = Comparison(target, "eq", group_id)
        found = await self._found(tenant, partition, condition, (1, 1), members=members, known=True)
        return found.rows[0] if found.rows else None

    async def _found(  # what is asked for, in whose partition, and what must be known of it
        self,
        tenant: str,
        partition: int,
        condition: Filter | None,
        window: tuple[int, int],
        *,
        members: bool,
        known: bool,
    ) -> GroupPage:
        """Return a page; ``known`` says that the members of all groups on it must be, whether they are read or not."""
        start_index, count = window
        span = await Span.begin(self._tables.log, partition)
        question = Question(
            tenant,
            condition,
            "grp",
            GROUPS,
            GROUP,
            row=GroupRow,
            last_fact=lambda one: last_facts.group(self._tables.log, partition, tenant, one, condition),
            complete=(lambda fetch, page: with_members(fetch, tenant, page)) if members else None,
        )
        async with self._members_turn if members else nullcontext():
            found, instead = await find(self._tables, span, question, start_index - 1, count)
        if known and (parked := [row.id for row in found.rows if row.id in instead.ids]):
            raise StaleError(f"facts of {parked[0]} are parked, and its members were asked for")
        return found
