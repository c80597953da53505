"""What PostgreSQL can hold, known before it is asked: a row that is refused must be refused in any batch, or none.

Only the last state of a row in a batch is written, so PostgreSQL itself does not see them all.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Date, Integer, Table, Text

from rollbook_contracts.limits import KEY_BYTES

_TYPES: Final[dict[type, type]] = {Text: str, BigInteger: int, Integer: int, Boolean: bool, Date: date}


class Storable:
    """Checks rows of one table; the values stand in the order of its columns."""

    def __init__(self, table: Table) -> None:
        indexed = {column.name for index in table.indexes for column in index.columns}
        indexed |= {column.name for column in table.primary_key.columns}
        self._columns = [
            (column.name, _TYPES[type(column.type)], bool(column.nullable), column.name in indexed)
            for column in table.columns
        ]

    def check(self, row: Sequence[Any]) -> None:
        """Raise ``ValueError`` where a value does not fit its column."""
        for value, (name, expected, nullable, indexed) in zip(row, self._columns, strict=True):
            if value is None:
                if not nullable:
                    raise ValueError(f"{name} is missing")
            elif type(value) is not expected:
                raise ValueError(f"{name} is {value!r}, which is no {expected.__name__}")
            elif type(value) is str:
                if "\x00" in value:
                    raise ValueError(f"{name} holds U+0000")
                if indexed and len(value) > KEY_BYTES // 4 and len(value.encode()) > KEY_BYTES:
                    raise ValueError(f"{name} is longer than {KEY_BYTES} bytes")
