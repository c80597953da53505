"""Table ``provisioning.outbox``: written with the batch that makes the changes, read and emptied by the relay."""

from collections.abc import Sequence

from rollbook_contracts.changes.envelope import ChangeKey
from rollbook_contracts.tables import provisioning
from rollbook_projector.changes import OutboxRow
from rollbook_projector.session import Connection
from rollbook_projector.statements import copy


class OutboxTable:
    """Reads and writes the rows, in ``provisioning.outbox`` or in a table of the same shape."""

    def __init__(self, name: str = "provisioning.outbox") -> None:
        columns = ", ".join(OutboxRow._fields)
        self._name = name
        self._waiting = (
            f"SELECT {columns} FROM {name} WHERE partition = $1"  # noqa: S608  # our own name
            " ORDER BY epoch, seq, ordinal LIMIT $2"
        )
        self._cause = (
            f"SELECT request_id FROM {name}"  # noqa: S608
            " WHERE (partition, epoch, seq, ordinal) = ($1, $2, $3, $4)"
        )
        self._delete = f"DELETE FROM {name} WHERE partition = $1 AND (epoch, seq, ordinal) <= ($2, $3, $4)"  # noqa: S608

    async def write(self, connection: Connection, rows: Sequence[OutboxRow]) -> None:
        """Add changes."""
        if rows:
            await copy(connection, provisioning.outbox, self._name, rows)

    async def waiting(self, connection: Connection, partition: int, limit: int) -> list[OutboxRow]:
        """Return the first changes of a partition in the order of their keys."""
        return [OutboxRow(*row) for row in await connection.fetch(self._waiting, partition, limit)]

    async def cause(self, connection: Connection, key: ChangeKey) -> str | None:
        """Return the request id of the fact that a waiting change belongs to, ``None`` where it does not wait."""
        found: str | None = await connection.fetchval(self._cause, key.partition, key.epoch, key.sequence, key.ordinal)
        return found

    async def delete_until(self, connection: Connection, key: ChangeKey) -> None:
        """Delete what is published: all of the key's partition up to it."""
        await connection.execute(self._delete, key.partition, key.epoch, key.sequence, key.ordinal)
