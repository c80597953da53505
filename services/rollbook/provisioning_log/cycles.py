"""Cycles: what one provider sent to one tenant without a pause of ten minutes, counted; from the table, for people."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import asyncpg

from rollbook.provisioning_log.wanted import FAILED
from rollbook_contracts.requests.entry import Provider

PAUSE: Final = timedelta(minutes=10)
"""A longer one ends a cycle."""

_QUERY: Final = f"""
WITH began AS (
    SELECT *, coalesce(time - lag(time) OVER one_by_one > $3::interval, true)::int AS begins
    FROM provisioning.requests WHERE time >= $1 AND ($2::text IS NULL OR tenant = $2)
    WINDOW one_by_one AS (PARTITION BY tenant, provider ORDER BY time)
), numbered AS (
    SELECT *, sum(begins) OVER (PARTITION BY tenant, provider ORDER BY time) AS cycle FROM began
)
SELECT tenant, provider, cycle, method, outcome, CASE WHEN status >= {FAILED} THEN detail ELSE '' END AS reason,
       count(*) AS requests, min(time) AS first, max(time) AS last
FROM numbered GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3
"""  # noqa: S608  # a number


class Counted(NamedTuple):
    """Requests of a cycle that are alike; ``reason`` is why they were refused, else empty."""

    tenant: str
    provider: Provider
    cycle: int
    method: str
    outcome: str
    reason: str
    requests: int
    first: datetime
    last: datetime


@dataclass(slots=True)
class Cycle:
    """One cycle; ``running`` where its last request is not ten minutes old."""

    tenant: str
    provider: Provider
    start: datetime
    end: datetime
    running: bool = False
    requests: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    methods: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)


async def cycles(connection: asyncpg.Connection, *, since: datetime, now: datetime, tenant: str | None) -> list[Cycle]:
    """Return the cycles since a time, the oldest first; one that was going on then begins with it."""
    rows = await connection.fetch(_QUERY, since, tenant, PAUSE)
    return added_up((Counted(*row) for row in rows), now)


def added_up(counted: Iterable[Counted], now: datetime) -> list[Cycle]:
    """Put the counts of each cycle together."""
    found: dict[tuple[str, str, int], Cycle] = {}
    for part in counted:
        key = part.tenant, part.provider, part.cycle
        cycle = found.get(key)
        if cycle is None:
            cycle = found[key] = Cycle(part.tenant, part.provider, part.first, part.last)
        cycle.start, cycle.end = min(cycle.start, part.first), max(cycle.end, part.last)
        cycle.requests += part.requests
        cycle.outcomes[part.outcome] += part.requests
        cycle.methods[part.method] += part.requests
        if part.reason:
            cycle.failures[part.reason] += part.requests
        cycle.running = now - cycle.end <= PAUSE
    return sorted(found.values(), key=lambda cycle: cycle.start)
