"""How every page of people or groups is found: a fresh snapshot of the table, parked resources taken from the log."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial as bind
from typing import Any, Final, Generic, Protocol, TypeVar

import asyncpg

from rollbook_contracts.identifiers import IdKind
from rollbook_gateway.scim.filters import Filter
from rollbook_gateway.search.columns import Searched
from rollbook_gateway.search.compile import compile_filter
from rollbook_gateway.search.database import STATEMENT_SECONDS, Fetch, fetch, snapshot
from rollbook_gateway.search.errors import StaleError
from rollbook_gateway.search.freshness import CheckpointNotices, Heads, Proof, read_fresh
from rollbook_gateway.search.last_facts import LastFacts
from rollbook_gateway.search.parked import Substitutes, of_kind, substitutes
from rollbook_gateway.search.rows import Found, Page
from rollbook_gateway.search.statement import OWN_PARAMETERS, Listed, everything, matching

FRESH_SECONDS: Final = 2.0
"""How long a search waits for the projector."""
ANSWER_SECONDS: Final = 3.0
"""How long a search may take with all its waits."""
COMPLETE_SECONDS: Final = 20.0
"""How long one may take that reads what belongs to its rows by further statements."""

_Result = TypeVar("_Result")


class SearchedLog(Heads, LastFacts, Protocol):
    """What searches ask of the log."""


@dataclass(frozen=True, slots=True)
class Tables:
    """What a search works with."""

    pool: asyncpg.Pool
    log: SearchedLog
    notices: CheckpointNotices


@dataclass(frozen=True, slots=True)
class Span:
    """The time of one search: the head of the log to which the tables must be, asked for after it ``began``."""

    partition: int
    target: int
    began: float

    @classmethod
    async def begin(cls, log: Heads, partition: int) -> "Span":
        began = asyncio.get_running_loop().time()
        return cls(partition, await log.head(partition), began)

    @property
    def until(self) -> float:
        """When waiting for the projector ends."""
        return self.began + FRESH_SECONDS


@dataclass(frozen=True, slots=True)
class Question(Generic[Found]):
    """What a page is asked of: one kind of resource of one tenant.

    ``row`` reads what ``listed`` names. ``last_fact`` looks a parked resource up: ``None`` where it is gone or does not
    match. ``check`` raises ``StaleError`` where facts of some resource may not be parked. ``complete`` reads what
    belongs to the rows of a page by further statements on the same snapshot.
    """

    tenant: str
    condition: Filter | None
    kind: IdKind
    searched: Searched
    listed: Listed
    row: Callable[..., Found]
    last_fact: Callable[[str], Awaitable[Found | None]]
    check: Callable[[Sequence[str]], None] = lambda _: None
    complete: Callable[[Fetch, Page[Found]], Awaitable[Page[Found]]] | None = None

    def statement(self, without: frozenset[str]) -> tuple[str, tuple[Any, ...]]:
        """Return the statement and the parameters of its condition, leaving resources out."""
        if self.condition is None and not without:
            return everything(self.listed), ()
        sql, selective = "true", False
        parameters: tuple[Any, ...] = ()
        if self.condition is not None:
            compiled = compile_filter(self.condition, after=OWN_PARAMETERS, searched=self.searched)
            sql, parameters, selective = compiled.sql, compiled.parameters, compiled.selective
        if without:
            parameters = (*parameters, list(without))
            sql = f"{sql} AND id <> ALL(${OWN_PARAMETERS + len(parameters)}::text[])"
        return matching(self.listed, sql, selective=selective), parameters


@dataclass(frozen=True, slots=True)
class _Snapshot(Generic[Found]):
    page: Page[Found]
    parked: list[str]
    """Resources with parked facts in the snapshot of the rows."""


async def find(
    tables: Tables, span: Span, question: Question[Found], skip: int, count: int
) -> tuple[Page[Found], Substitutes[Found]]:
    """Return ``count`` resources at most behind the first ``skip``, and those that the log stood in for."""
    instead: Substitutes[Found] = Substitutes()
    while True:
        statement, parameters = question.statement(instead.ids)
        skipped, limit = instead.window(skip, count)
        read = bind(_read, tables, span, question, statement, (limit, skipped, *parameters))
        found = await fresh(tables, span, read)
        question.check(found.parked)
        parked = of_kind(question.kind, found.parked)
        if parked == instead.ids:
            return instead.merged(found.page, skip, count) if instead.ids else found.page, instead
        if asyncio.get_running_loop().time() > span.until:
            raise StaleError("facts of the tenant are being parked or applied")
        instead = await substitutes(parked, question.last_fact)


async def fresh(tables: Tables, span: Span, read: Callable[[], Awaitable[tuple[Proof, _Result]]]) -> _Result:
    """Read until the tables hold all that was accepted before the search began."""
    return await read_fresh(
        read,
        heads=tables.log,
        partition=span.partition,
        target=span.target,
        notices=tables.notices,
        until=span.until,
    )


async def ask(tables: Tables, span: Span, statement: str, parameters: Sequence[Any]) -> list[asyncpg.Record]:
    """Run one statement within the time that is left for the search."""
    left = span.began + ANSWER_SECONDS - asyncio.get_running_loop().time()
    return await fetch(tables.pool, statement, parameters, seconds=min(left, STATEMENT_SECONDS))


async def _read(
    tables: Tables, span: Span, question: Question[Found], statement: str, parameters: tuple[Any, ...]
) -> tuple[Proof, _Snapshot[Found]]:
    parameters = (question.tenant, span.partition, *parameters)
    if question.complete is None:
        return _snapshot(question, await ask(tables, span, statement, parameters))
    left = span.began + COMPLETE_SECONDS - asyncio.get_running_loop().time()
    async with snapshot(tables.pool, seconds=left) as fetch_there:
        proof, found = _snapshot(question, await fetch_there(statement, parameters))
        if proof.reaches(span.target):
            found = _Snapshot(await question.complete(fetch_there, found.page), found.parked)
        return proof, found


def _snapshot(question: Question[Found], records: list[asyncpg.Record]) -> tuple[Proof, _Snapshot[Found]]:
    *proof, parked, total = records[0][:5]
    rows = [question.row(*record[5:]) for record in records if record[5] is not None]
    return Proof(*proof), _Snapshot(Page(total, rows), parked)
