"""People whose facts are parked: their rows are behind, so a search takes their last facts from the log instead."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from rollbook_contracts import subjects
from rollbook_contracts.facts.codec import UnknownFactError, decode_envelope, decode_fact
from rollbook_contracts.identifiers import kind_of
from rollbook_gateway.decide.state import PresentUser, UserState, user_state
from rollbook_gateway.log.port import Stored
from rollbook_gateway.scim.compiled import user_schema
from rollbook_gateway.scim.evaluation import evaluate
from rollbook_gateway.scim.filters import Filter
from rollbook_gateway.scim.rendering import Meta, render
from rollbook_gateway.search.errors import StaleError
from rollbook_gateway.search.rows import Page, UserRow

MOST: Final = 100
"""How many parked people of a tenant are looked up: beyond that something is wrong that a search cannot mend."""


class LastFacts(Protocol):
    """What is asked of the log about people whose rows are behind."""

    async def last(self, partition: int, subject: str) -> Stored | None:
        """Return the last message on a subject, ``None`` where there is none; raises ``UnavailableError``."""


@dataclass(frozen=True, slots=True)
class Substitutes:
    """The people ``ids`` without their rows, and in the order of their ids those of them who match."""

    ids: frozenset[str] = frozenset()
    matching: tuple[UserRow, ...] = ()

    def window(self, skip: int, count: int) -> tuple[int, int]:
        """Return how many rows to skip and to read, so that whatever ``merged`` needs is among them."""
        return max(0, skip - len(self.matching)), count + len(self.matching)

    def merged(self, found: Page, skip: int, count: int) -> Page:
        """Return the page of rows and substitutes together, ``found`` being the rows of ``window``."""
        skipped, _ = self.window(skip, count)
        begin = found.rows[0].id if skipped and found.rows else ""
        before = sum(row.id < begin for row in self.matching)
        both = sorted([*found.rows, *self.matching[before:]], key=lambda row: row.id)
        start = skip - skipped - before
        beyond = skipped and not found.rows
        return Page(found.total + len(self.matching), [] if beyond else both[start : start + count])


NOBODY: Final = Substitutes()


def people(resources: Sequence[str]) -> frozenset[str]:
    """Return those parked resources that are people."""
    return frozenset(resource for resource in resources if kind_of(resource) == "usr")


async def substitutes(
    log: LastFacts, partition: int, tenant: str, ids: Collection[str], condition: Filter | None
) -> Substitutes:
    """Look the last facts of people up; raises ``StaleError`` where one cannot be read here either."""
    if len(ids) > MOST:
        raise StaleError(f"facts of {len(ids)} people of the tenant are parked")
    ordered = sorted(ids)
    found = await asyncio.gather(*(log.last(partition, subjects.user(partition, tenant, one)) for one in ordered))
    states = [_state(stored) for stored in found if stored is not None]
    matching = [state for state in states if isinstance(state, PresentUser) and _matches(condition, state)]
    return Substitutes(frozenset(ids), tuple(_row(state) for state in matching))


def _state(stored: Stored) -> UserState:
    try:
        fact, envelope = decode_fact(stored.headers, stored.body), decode_envelope(stored.headers)
        return user_state(fact, sequence=stored.sequence, time=envelope.time)
    except (UnknownFactError, TypeError, msgspec.MsgspecError) as error:
        raise StaleError(f"the last fact on {stored.subject} is parked and cannot be read") from error


def _matches(condition: Filter | None, state: PresentUser) -> bool:
    # No filter on the location comes this far.
    meta = Meta("User", state.created, state.last_modified, location="", version=state.sequence)
    return condition is None or evaluate(condition, render(state.document, state.id, meta, user_schema()))


def _row(state: PresentUser) -> UserRow:
    document = msgspec.json.encode(state.document).decode()
    return UserRow(state.id, document, state.created, state.last_modified, state.sequence)
