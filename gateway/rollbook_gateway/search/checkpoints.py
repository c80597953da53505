"""The checkpoints of all partitions, as the tables have them; for the comparison of the log with what was applied."""

from collections.abc import Mapping
from functools import partial

import asyncpg

from rollbook_gateway.log.identity import Checkpoints, Place
from rollbook_gateway.search.database import STATEMENT_SECONDS, fetch
from rollbook_gateway.search.errors import SearchUnavailableError

_CHECKPOINTS = "SELECT partition, stream_created, epoch, seq, fact_id FROM provisioning.checkpoints"


def checkpoints(pool: asyncpg.Pool) -> Checkpoints:
    """Return what reads the last fact applied of each partition."""
    return partial(_read, pool)


async def _read(pool: asyncpg.Pool) -> Mapping[int, Place] | None:
    try:
        rows = await fetch(pool, _CHECKPOINTS, (), seconds=STATEMENT_SECONDS)
    except SearchUnavailableError:
        return None
    return {partition: Place(*place) for partition, *place in rows}
