"""Finishes changes of unique identifiers that an operator's command left half done; every gateway looks for them."""

import asyncio
from collections.abc import Callable
from typing import Final

import asyncpg
import structlog

from rollbook.control.unique_identifier import IdentifiersCollideError, UniqueIdentifierChange
from rollbook.errors import CommandError
from rollbook_gateway.log.port import LogError

LOOK_SECONDS = 30.0
"""How often; who is at a change holds its lock and is left alone."""
_UNFINISHED: Final = """
    SELECT name FROM control.tenants
    WHERE settings::jsonb ?| ARRAY['nextUniqueIdentifier', 'formerUniqueIdentifier'] ORDER BY name"""
_TROUBLE: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, LogError, CommandError)

logger = structlog.get_logger(__name__)


async def finish_changes(
    database_url: str,
    change_on: Callable[[asyncpg.Connection], UniqueIdentifierChange],
    *,
    every: float = LOOK_SECONDS,
) -> None:
    """Look for what is half done, and finish it, again and again; runs until cancelled."""
    while True:
        try:
            connection = await asyncpg.connect(database_url, timeout=5, command_timeout=60)
            try:
                for (name,) in await connection.fetch(_UNFINISHED):
                    await _finish(change_on(connection), name)
            finally:
                await connection.close()
        except _TROUBLE as error:
            logger.info("unique_identifier.not_finished", reason=str(error) or type(error).__name__)
        await asyncio.sleep(every)


async def _finish(change: UniqueIdentifierChange, name: str) -> None:
    try:
        row = await change.resume(name)
    except IdentifiersCollideError as error:
        logger.warning("unique_identifier.taken_back", tenant_name=name, people=len(error.collisions))
    else:
        if row is not None:
            settled = row.settings.unique_identifier
            logger.info("unique_identifier.finished", tenant_name=name, unique_identifier=settled)
