"""Waiting until the tables show what was appended; for commands that are done only then."""

import asyncio

import asyncpg

from rollbook.errors import CommandError

PATIENCE_SECONDS = 15.0
_CHECKPOINT = "SELECT seq FROM provisioning.checkpoints WHERE partition = $1"


async def wait_until_applied(connection: asyncpg.Connection, partition: int, sequence: int) -> None:
    """Wait until a partition is applied up to a sequence; raises ``CommandError`` when that takes too long."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await _applied(connection, partition)) < sequence:  # noqa: ASYNC110  # it moves
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise CommandError(
            f"The tables do not show partition {partition} up to sequence {sequence} after {PATIENCE_SECONDS:.0f} s. "
            "Is a projector running? `rollbook status` tells; what was stored is applied when it has caught up.",
        ) from None


async def _applied(connection: asyncpg.Connection, partition: int) -> int:
    return await connection.fetchval(_CHECKPOINT, partition) or 0
