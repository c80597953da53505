"""Who applies a partition: the holder of an advisory lock, in the session of its transactions; used by the loop."""

from typing import Final

from rollbook_projector.session import Connection

LOCKS: Final = 716_551
"""First half of the advisory locks' keys; the second half is the partition."""

_TRY: Final = "SELECT pg_try_advisory_lock($1, $2)"
_HOLDERS: Final = """
    SELECT locks.objid::int, activity.application_name
    FROM pg_locks AS locks JOIN pg_stat_activity AS activity USING (pid)
    WHERE locks.locktype = 'advisory' AND locks.granted AND locks.classid = $1
      AND locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ORDER BY 1"""


async def try_own(connection: Connection, partition: int) -> bool:
    """Take the lock of a partition if it is free; it is held as long as the session lives."""
    return bool(await connection.fetchval(_TRY, LOCKS, partition))


async def holders(connection: Connection) -> dict[int, str]:
    """Return who holds which partition, by the name that each process gave its session."""
    return dict(await connection.fetch(_HOLDERS, LOCKS))
