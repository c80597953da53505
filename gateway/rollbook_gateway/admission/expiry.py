"""How soon tokens end: what is warned of at 30, 7 and 1 days; asked by `rollbook status` and each gateway's watch."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg
import structlog

from rollbook_gateway.admission.directory import UNAVAILABLE

WARNING_DAYS: Final = (1, 7, 30)
EVERY_SECONDS: Final = 600.0
_ASK_SECONDS: Final = 1.0

# One that was rotated ends as it is meant to.
_ENDING: Final = """
SELECT key_id, tenant, tenants.name, kind, label, expires_at
FROM control.tokens JOIN control.tenants USING (tenant)
WHERE revoked_at IS NULL AND replaced_by IS NULL AND enabled
  AND expires_at BETWEEN $1::timestamptz - interval '30 days' AND $1::timestamptz + interval '30 days'
ORDER BY expires_at, key_id
"""

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EndingToken:
    """A token or an OAuth client that ends soon or has just ended, and that nobody has replaced."""

    key_id: str
    tenant: str
    tenant_name: str
    kind: str
    label: str
    expires_at: datetime

    def warning(self, now: datetime) -> int | None:
        """Return the warning that is due: the least of 30, 7 and 1 days that is left, 0 for one that has ended."""
        return warning(self.expires_at, now)


def warning(expires_at: datetime, now: datetime) -> int | None:
    """Return 30, 7 or 1 where no more days than that are left, 0 where it is over, ``None`` for a later end."""
    left = expires_at - now
    if left <= timedelta():
        return 0
    return next((days for days in WARNING_DAYS if left <= timedelta(days=days)), None)


async def ending_tokens(connection: asyncpg.Connection, now: datetime) -> Sequence[EndingToken]:
    """Return the tokens that a warning is due for, or that ended in the last 30 days; the first to end first."""
    rows = await connection.fetch(_ENDING, now, timeout=_ASK_SECONDS)
    return [EndingToken(*row) for row in rows]


class ExpiryWatch:
    """Warns in the log, once for each token and each of its warnings."""

    def __init__(self, pool: asyncpg.Pool, every: float = EVERY_SECONDS) -> None:
        self._pool = pool
        self._every = every
        self._told: set[tuple[str, int]] = set()

    async def watch(self) -> None:
        """Look again and again until cancelled; a database that is away is asked the next time."""
        while True:
            try:
                now = datetime.now(UTC)
                self.tell(await self._ask(now), now)
            except UNAVAILABLE as error:
                logger.info("token.expiry_not_known", reason=str(error) or type(error).__name__)
            await asyncio.sleep(self._every)

    def tell(self, tokens: Sequence[EndingToken], now: datetime) -> None:
        """Log a line for each warning that was not given yet."""
        for token in tokens:
            days = token.warning(now)
            if days is None or (token.key_id, days) in self._told:
                continue
            self._told.add((token.key_id, days))
            logger.warning(
                "token.expires_soon" if days else "token.expired",
                tenant=token.tenant,
                tenant_name=token.tenant_name,
                key_id=token.key_id,
                kind=token.kind,
                label=token.label,
                expires_at=token.expires_at.isoformat(),
                days=days,
            )

    async def _ask(self, now: datetime) -> Sequence[EndingToken]:
        connection: Any = await self._pool.acquire(timeout=_ASK_SECONDS)
        try:
            return await ending_tokens(connection, now)
        except BaseException:
            connection.terminate()  # an operation may still be under way: nobody else must get this connection
            raise
        finally:
            await self._pool.release(connection)
