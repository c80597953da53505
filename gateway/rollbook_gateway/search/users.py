"""Searches of people, as the requests ask for them: a filter and a page in, rows and the total out."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial as bind
from typing import Any, Final

import asyncpg
import msgspec

from rollbook_gateway.scim.filters import And, Comparison, Filter, Not, Or, ValueFilter
from rollbook_gateway.search import last_facts
from rollbook_gateway.search.errors import StaleError
from rollbook_gateway.search.freshness import CheckpointNotices, Proof
from rollbook_gateway.search.pages import Question, SearchedLog, Span, Tables, ask, find, fresh
from rollbook_gateway.search.parked import of_kind
from rollbook_gateway.search.rows import Membership, UserPage, UserRow
from rollbook_gateway.search.statement import MEMBERSHIPS, PERSON, PERSON_WITH_GROUPS
from rollbook_gateway.search.user_columns import PEOPLE

_STORED: Final = 5
"""Columns of a person that are always read."""
_MEMBERSHIPS: Final = msgspec.json.Decoder(tuple[Membership, ...])


class UserSearch:
    """Finds people in ``lms.users``; what it answers holds all that was accepted before it was asked.

    Its methods raise ``StaleError``, ``SearchUnavailableError`` and the log's ``UnavailableError``: the caller may try
    again. Memberships are told as far as they are applied: parked facts of a group or a person count when they are.
    """

    def __init__(self, pool: asyncpg.Pool, log: SearchedLog, notices: CheckpointNotices) -> None:
        self._tables = Tables(pool, log, notices)

    async def page(
        self,
        tenant: str,
        partition: int,
        condition: Filter | None,
        start_index: int,
        count: int,
        *,
        groups: bool = False,
    ) -> UserPage:
        """Return ``count`` people at most, from ``start_index`` (1 is the first) on; groups only where asked for."""
        span = await Span.begin(self._tables.log, partition)
        question = Question(
            tenant,
            condition,
            "usr",
            PEOPLE,
            PERSON_WITH_GROUPS if groups else PERSON,
            row=_row,
            last_fact=lambda one: last_facts.person(self._tables.log, partition, tenant, one, condition),
            check=bind(_check, condition),
        )
        found, instead = await find(self._tables, span, question, start_index - 1, count)
        if groups and (parked := {row.id for row in found.rows} & instead.ids):
            theirs = await self._memberships(tenant, span, parked)
            rows = [replace(row, groups=theirs.get(row.id, ())) if row.id in parked else row for row in found.rows]
            return replace(found, rows=rows)
        return found

    async def groups(self, tenant: str, partition: int, user_id: str) -> tuple[Membership, ...]:
        """Return the groups of one person, in the order of their ids."""
        span = await Span.begin(self._tables.log, partition)
        return (await self._memberships(tenant, span, [user_id])).get(user_id, ())

    async def _memberships(self, tenant: str, span: Span, users: Collection[str]) -> dict[str, tuple[Membership, ...]]:
        async def read() -> tuple[Proof, dict[str, tuple[Membership, ...]]]:
            records = await ask(self._tables, span, MEMBERSHIPS, (tenant, span.partition, list(users)))
            found: dict[str, tuple[Membership, ...]] = {}
            for *_, user_id, group_id, display in records:
                if user_id is not None:
                    found[user_id] = (*found.get(user_id, ()), Membership(group_id, display))
            return Proof(*records[0][:3]), found

        return await fresh(self._tables, span, read)


def _row(*values: Any) -> UserRow:
    stored, groups = values[:_STORED], values[_STORED:]
    return UserRow(*stored, *(tuple(sorted(_MEMBERSHIPS.decode(found or b"[]"))) for found in groups))


def _check(condition: Filter | None, parked: Sequence[str]) -> None:
    """Refuse to say who is in a group whose facts are parked."""
    groups = of_kind("grp", parked)
    if condition is None or not groups:
        return
    for asked in _groups_asked_for(condition):
        if asked is None or asked in groups:
            raise StaleError(f"facts of {sorted(groups)} are parked, and who is in them was asked for")


def _groups_asked_for(term: Filter) -> Iterator[str | None]:
    """Return the groups whose members a filter asks for by the groups' ids, ``None`` where it asks in another way."""
    match term:
        case And() | Or():
            for part in term.terms:
                yield from _groups_asked_for(part)
        case Not():
            yield from _groups_asked_for(term.term)
        case _ if term.target.attribute.name != "groups":
            return
        case Comparison(operator="eq" | "ne") | ValueFilter(condition=Comparison(operator="eq")):
            named = term.condition if isinstance(term, ValueFilter) else term
            assert isinstance(named, Comparison)
            yield str(named.value) if named.target.leaf.name == "value" else None
        case _:
            yield None
