"""Resources whose facts are parked: their rows are behind, so a search takes their last facts from the log instead."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, Generic

from rollbook_contracts.identifiers import IdKind, kind_of
from rollbook_gateway.search.errors import StaleError
from rollbook_gateway.search.rows import Found, Page

MOST: Final = 100
"""How many parked resources of a tenant are looked up: beyond that something is wrong that a search cannot mend."""


@dataclass(frozen=True, slots=True)
class Substitutes(Generic[Found]):
    """The resources ``ids`` without their rows, and in the order of their ids those of them that match."""

    ids: frozenset[str] = frozenset()
    matching: tuple[Found, ...] = ()

    def window(self, skip: int, count: int) -> tuple[int, int]:
        """Return how many rows to skip and to read, so that whatever ``merged`` needs is among them."""
        return max(0, skip - len(self.matching)), count + len(self.matching)

    def merged(self, found: Page[Found], skip: int, count: int) -> Page[Found]:
        """Return the page of rows and substitutes together, ``found`` being the rows of ``window``."""
        skipped, _ = self.window(skip, count)
        begin = found.rows[0].id if skipped and found.rows else ""
        before = sum(row.id < begin for row in self.matching)
        both = sorted([*found.rows, *self.matching[before:]], key=lambda row: row.id)
        start = skip - skipped - before
        beyond = skipped and not found.rows
        return Page(found.total + len(self.matching), [] if beyond else both[start : start + count])


def of_kind(kind: IdKind, resources: Sequence[str]) -> frozenset[str]:
    """Return those parked resources that are of a kind."""
    return frozenset(resource for resource in resources if kind_of(resource) == kind)


async def substitutes(ids: Collection[str], matching: Callable[[str], Awaitable[Found | None]]) -> Substitutes[Found]:
    """Look parked resources up by ``matching``, which says of a last fact what it is worth to the search.

    Raises ``StaleError`` where there are too many.
    """
    if len(ids) > MOST:
        raise StaleError(f"facts of {len(ids)} resources of the tenant are parked")
    found = await asyncio.gather(*(matching(one) for one in sorted(ids)))
    return Substitutes(frozenset(ids), tuple(row for row in found if row is not None))
