"""Waiting until the tables show what was appended; for commands that are done only then."""

import asyncio

import asyncpg

from rollbook.errors import CommandError

PATIENCE_SECONDS = 15.0
"""How long a checkpoint may stand still."""
_CHECKPOINT = """
    SELECT CASE WHEN apart.seq < apart.until THEN apart.seq ELSE checkpoints.seq END FROM provisioning.checkpoints
    LEFT JOIN provisioning.apart ON apart.partition = checkpoints.partition AND apart.tenant = $2
    WHERE checkpoints.partition = $1"""


async def wait_until_applied(
    connection: asyncpg.Connection, partition: int, sequence: int, tenant: str | None = None
) -> None:
    """Wait until a partition is applied up to a sequence, and a tenant's people and groups where one is named.

    Raises ``CommandError`` when that does not go on.
    """
    loop = asyncio.get_running_loop()
    applied, deadline = -1, loop.time() + PATIENCE_SECONDS
    while (now := await _applied(connection, partition, tenant)) < sequence:
        if now > applied:
            applied, deadline = now, loop.time() + PATIENCE_SECONDS
        if loop.time() > deadline:
            raise CommandError(
                f"The tables do not show partition {partition} up to sequence {sequence}: for {PATIENCE_SECONDS:.0f} s "
                f"they have stood at {applied}. Is a projector running? `rollbook status` tells; what was stored is "
                "applied when it has caught up.",
            )
        await asyncio.sleep(0.02)


async def _applied(connection: asyncpg.Connection, partition: int, tenant: str | None) -> int:
    return await connection.fetchval(_CHECKPOINT, partition, tenant) or 0
