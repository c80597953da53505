"""Searches of people, as the requests ask for them: a filter and a page in, rows and the total out."""

import asyncio
from dataclasses import dataclass
from functools import partial as bind
from typing import Any, Final, Protocol

import asyncpg

from rollbook_gateway.scim.filters import Filter
from rollbook_gateway.search.compile import compile_filter
from rollbook_gateway.search.database import STATEMENT_SECONDS, fetch
from rollbook_gateway.search.errors import StaleError
from rollbook_gateway.search.freshness import CheckpointNotices, Heads, Proof, read_fresh
from rollbook_gateway.search.parked import NOBODY, LastFacts, Substitutes, people, substitutes
from rollbook_gateway.search.rows import Page, UserRow
from rollbook_gateway.search.statement import EVERYBODY, OWN_PARAMETERS, matching

FRESH_SECONDS: Final = 2.0
"""How long a search waits for the projector."""
ANSWER_SECONDS: Final = 3.0
"""How long a search may take with all its waits."""


class SearchedLog(Heads, LastFacts, Protocol):
    """What searches ask of the log."""


@dataclass(frozen=True, slots=True)
class _Found:
    page: Page
    parked: frozenset[str]
    """Whose facts were parked in the snapshot of the rows."""


class UserSearch:
    """Finds people in ``lms.users``; what it answers holds all that was accepted before it was asked."""

    def __init__(self, pool: asyncpg.Pool, log: SearchedLog, notices: CheckpointNotices) -> None:
        self._pool = pool
        self._log = log
        self._notices = notices

    async def page(self, tenant: str, partition: int, condition: Filter | None, start_index: int, count: int) -> Page:
        """Return ``count`` people at most, from ``start_index`` (1 is the first) on.

        Raises ``StaleError``, ``SearchUnavailableError`` and the log's ``UnavailableError``: the caller may try again.
        """
        asked = asyncio.get_running_loop().time()
        skip = start_index - 1
        target = await self._log.head(partition)
        instead = NOBODY
        while True:
            statement, filter_parameters = _statement(condition, instead)
            skipped, limit = instead.window(skip, count)
            parameters = (tenant, partition, limit, skipped, *filter_parameters)
            found = await read_fresh(
                bind(self._read, statement, parameters, asked + ANSWER_SECONDS),
                partition=partition,
                target=target,
                notices=self._notices,
                until=asked + FRESH_SECONDS,
            )
            if found.parked == instead.ids:
                return instead.merged(found.page, skip, count) if instead.ids else found.page
            if asyncio.get_running_loop().time() > asked + FRESH_SECONDS:
                raise StaleError("facts of the tenant are being parked or applied")
            instead = await substitutes(self._log, partition, tenant, found.parked, condition)

    async def _read(self, statement: str, parameters: tuple[Any, ...], deadline: float) -> tuple[Proof, _Found]:
        left = deadline - asyncio.get_running_loop().time()
        records = await fetch(self._pool, statement, parameters, seconds=min(left, STATEMENT_SECONDS))
        applied, halted, parked, total, *_ = records[0]
        rows = [UserRow(*record[4:]) for record in records if record[4] is not None]
        return Proof(applied, halted), _Found(Page(total, rows), people(parked))


def _statement(condition: Filter | None, instead: Substitutes) -> tuple[str, tuple[Any, ...]]:
    """Return the statement for a filter with the parameters of its condition."""
    if condition is None and not instead.ids:
        return EVERYBODY, ()
    sql, selective = "true", False
    parameters: tuple[Any, ...] = ()
    if condition is not None:
        compiled = compile_filter(condition, after=OWN_PARAMETERS)
        sql, parameters, selective = compiled.sql, compiled.parameters, compiled.selective
    if instead.ids:
        parameters = (*parameters, list(instead.ids))
        sql = f"{sql} AND id <> ALL(${OWN_PARAMETERS + len(parameters)}::text[])"
    return matching(sql, selective=selective), parameters
