"""Table ``provisioning.outbox``: written with the batch that makes the changes, read and emptied by the relay."""

from collections.abc import Sequence

from rollbook_contracts.changes.envelope import ChangeKey
from rollbook_contracts.tables import provisioning
from rollbook_projector.changes import OutboxRow
from rollbook_projector.session import Connection
from rollbook_projector.statements import copy


class OutboxTable:
    """Reads and writes the rows, in ``provisioning.outbox`` or in a table of the same shape.

    The changes of a tenant that is applied ``apart`` are a sequence of their own: it may be behind the others.
    """

    def __init__(self, name: str = "provisioning.outbox", apart: str = "") -> None:
        columns = ", ".join(OutboxRow._fields)
        self._name = name
        self.apart = apart
        # Behind a key, not from the first row on: rows that are deleted cost time until they are cleaned away.
        self._waiting = (
            f"SELECT {columns} FROM {name} WHERE partition = $1 AND apart = $2"  # noqa: S608  # our own name
            " AND (epoch, seq, ordinal) > ($3, $4, $5) ORDER BY epoch, seq, ordinal LIMIT $6"
        )
        self._delete = (
            f"DELETE FROM {name}"  # noqa: S608
            " WHERE partition = $1 AND apart = $2 AND (epoch, seq, ordinal) <= ($3, $4, $5)"
        )
        self._cause = (
            f"SELECT request_id FROM {name}"  # noqa: S608
            " WHERE (partition, epoch, seq, ordinal) = ($1, $2, $3, $4) AND apart = $5"
        )

    async def write(self, connection: Connection, rows: Sequence[OutboxRow]) -> None:
        """Add changes."""
        if rows:
            await copy(connection, provisioning.outbox, self._name, ((*row, self.apart) for row in rows))

    async def waiting(self, connection: Connection, after: ChangeKey, limit: int) -> list[OutboxRow]:
        """Return the first changes of the key's partition behind it, in the order of their keys."""
        place = (after.epoch, after.sequence, after.ordinal)
        rows = await connection.fetch(self._waiting, after.partition, self.apart, *place, limit)
        return [OutboxRow(*row) for row in rows]

    async def cause(self, connection: Connection, key: ChangeKey) -> str | None:
        """Return the request id of the fact that a waiting change belongs to, ``None`` where it does not wait."""
        found: str | None = await connection.fetchval(
            self._cause, key.partition, key.epoch, key.sequence, key.ordinal, self.apart
        )
        return found

    async def delete_until(self, connection: Connection, key: ChangeKey) -> None:
        """Delete what is published: all of the key's partition up to it."""
        await connection.execute(self._delete, key.partition, self.apart, key.epoch, key.sequence, key.ordinal)
