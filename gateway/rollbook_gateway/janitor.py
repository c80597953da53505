"""The janitor abandons stagings whose requests ended half-way; the composition root runs it in every gateway.

That a staging is over is always a fact: the projector's fold has no timers. Several gateways may find the same one; all
but the first are refused, and so is a janitor that comes after the staging went on.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg
import structlog

from rollbook_contracts import subjects
from rollbook_contracts.datetimes import format_instant
from rollbook_contracts.facts.membership import StagingAbandoned
from rollbook_gateway.decide.user import PlannedFact
from rollbook_gateway.decide.write import assemble
from rollbook_gateway.log.port import EventLog, LogError, RefusedError

ROUND_SECONDS: Final = 60.0
DEADLINE_SECONDS: Final = 5.0
MOST: Final = 100
"""Stagings that one round ends; the next round takes the others."""

_QUERY: Final = """
SELECT partition, tenant, group_id, staging, last_seq FROM provisioning.stagings
WHERE last_time COLLATE "C" < $1 ORDER BY last_time COLLATE "C" LIMIT $2
"""

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Janitor:
    """Looks for what was left behind; ``patience`` is how old the last chunk of a staging has to be, in seconds."""

    pool: asyncpg.Pool
    log: EventLog
    new_request_id: Callable[[], str]
    patience: float

    async def work(self) -> None:
        """Do a round every minute until cancelled; what fails is tried again in the next."""
        while True:
            try:
                await self.round(datetime.now(UTC))
            except (LogError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                logger.info("janitor.put_off", reason=str(error) or type(error).__name__)
            await asyncio.sleep(ROUND_SECONDS)

    async def round(self, now: datetime) -> int:
        """Abandon what is old at ``now``; return how many stagings that were."""
        before = format_instant(now - timedelta(seconds=self.patience))
        abandoned = 0
        for row in await self.pool.fetch(_QUERY, before, MOST):
            abandoned += await self._abandon(row, format_instant(now))
        return abandoned

    async def _abandon(self, row: asyncpg.Record, now: str) -> bool:
        group_id, staging = row["group_id"], row["staging"]
        subject = subjects.group_staging(row["partition"], row["tenant"], group_id, staging)
        write = assemble(
            [PlannedFact(subject, group_id, StagingAbandoned(group_id, staging), row["last_seq"])],
            partition=row["partition"],
            tenant=row["tenant"],
            request_id=self.new_request_id(),
            now=now,
        )
        try:
            await self.log.append(write, deadline=asyncio.get_running_loop().time() + DEADLINE_SECONDS)
        except RefusedError:
            return False
        logger.info("staging.abandoned", tenant=row["tenant"], group=group_id, staging=staging)
        return True
