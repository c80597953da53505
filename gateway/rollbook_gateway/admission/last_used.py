"""When each token was last used: taken from the directory every few seconds and written in one statement."""

import asyncio
from typing import Final

import asyncpg
import structlog

from rollbook_gateway.admission.directory import UNAVAILABLE, TokenDirectory

EVERY_SECONDS: Final = 10.0
_WRITE_SECONDS: Final = 1.0

# Locked in one order, so that gateways that write the same tokens do not wait for each other in a circle.
_WRITE: Final = """
WITH used AS (SELECT * FROM unnest($1::text[], $2::float8[]) AS used (key_id, at)),
     present AS (SELECT key_id FROM control.tokens JOIN used USING (key_id) ORDER BY key_id FOR UPDATE OF tokens)
UPDATE control.tokens SET last_used_at = greatest(last_used_at, to_timestamp(used.at))
FROM used JOIN present USING (key_id) WHERE tokens.key_id = used.key_id
"""

logger = structlog.get_logger(__name__)


async def record_last_use(directory: TokenDirectory, pool: asyncpg.Pool, every: float = EVERY_SECONDS) -> None:
    """Write what was used, again and again until cancelled, and once more then; no request waits for it."""
    waiting: dict[str, float] = {}
    try:
        while True:
            await asyncio.sleep(every)
            waiting |= directory.take_used()
            if waiting and await _write(pool, waiting):
                waiting = {}
    finally:
        waiting |= directory.take_used()
        if waiting:
            await _write(pool, waiting)


async def _write(pool: asyncpg.Pool, used: dict[str, float]) -> bool:
    """Write it; a database that is away is tried again with the next."""
    try:
        connection = await pool.acquire(timeout=_WRITE_SECONDS)
        try:
            await connection.execute(_WRITE, list(used), list(used.values()), timeout=_WRITE_SECONDS)
        except BaseException:
            connection.terminate()  # an operation may still be under way: nobody else must get this connection
            raise
        finally:
            await pool.release(connection)
    except UNAVAILABLE as error:
        logger.info("token.last_use_not_written", reason=str(error) or type(error).__name__)
        return False
    return True
