"""Whom values name among the people of ``lms.users``, and which of them are ids of ``lms.deleted_users``: questions."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from rollbook_contracts.folding import fold, fold_name
from rollbook_projector.references.people import Holders, Kind
from rollbook_projector.session import Connection
from rollbook_projector.statements import columns_of, pieces

TenantValue: TypeAlias = tuple[str, str]

_WANTED: Final = (
    "unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[]) WITH ORDINALITY"
    " AS wanted (tenant, value, folded, name, most, place)"
)
_BY_ID: Final = """
    SELECT place, {kind}, users.id FROM {wanted}
    JOIN {users} AS users ON users.tenant = wanted.tenant AND users.id = wanted.value"""
_BY_KEY: Final = """
    SELECT place, {kind}, found.id FROM {wanted},
    LATERAL (SELECT id FROM {users} AS users
             WHERE users.tenant = wanted.tenant AND {condition} LIMIT wanted.most) AS found"""
_DELETED: Final = """
    SELECT place, -1, gone.id FROM {wanted}
    JOIN {deleted} AS gone ON gone.tenant = wanted.tenant AND gone.id = wanted.value"""
_CONDITIONS: Final[Mapping[Kind, str]] = {
    Kind.EXTERNAL_ID: "users.external_id = wanted.value",
    Kind.USER_NAME: "users.user_name_folded = wanted.name",
    Kind.EMAIL: "users.email_folded = wanted.folded",
    Kind.EMPLOYEE_ID: "users.employee_id_folded = wanted.folded AND users.employee_id = wanted.value",
    Kind.DISPLAY_NAME: "users.display_name_folded = wanted.folded",
}
_SEPARATOR: Final = "\x1f"
"""Stands in no id."""
_MANY: Final = 2_000
"""So many values are asked for kind by kind: most are found by the first."""


class Asked(NamedTuple):
    """A value, and how many holders of one kind must be asked for so that all who count are among them."""

    tenant: str
    value: str
    folded: str
    name: str
    most: int


class HolderTable:
    """Asks the tables, or others of their shapes."""

    def __init__(self, users: str = "lms.users", deleted: str = "lms.deleted_users") -> None:
        self._by_id = _BY_ID.format(kind=int(Kind.ID), wanted=_WANTED, users=users)
        self._by_id += " UNION ALL " + _DELETED.format(wanted=_WANTED, deleted=deleted)
        self._present = (
            f"SELECT string_agg(id, $3) FROM {users}"  # noqa: S608  # our own name
            " WHERE tenant = $1 AND id = ANY(string_to_array($2, $3))"
        )
        self._by_key = {
            kind: _BY_KEY.format(kind=int(kind), wanted=_WANTED, users=users, condition=condition)
            for kind, condition in _CONDITIONS.items()
        }

    async def present(self, connection: Connection, tenant: str, values: Collection[str]) -> set[str]:
        """Return which of many values are ids of people.

        They go and come as one text each, in the order of the key: arrays of 100,000 take longer than the question, and
        a question out of order reads the whole table.
        """
        asked = sorted(value for value in values if _SEPARATOR not in value)
        if not asked:
            return set()
        found = await connection.fetchval(self._present, tenant, _SEPARATOR.join(asked), _SEPARATOR)
        return set(found.split(_SEPARATOR)) if found else set()

    async def find(
        self, connection: Connection, asked: Sequence[Asked], touched: Collection[TenantValue]
    ) -> tuple[dict[TenantValue, Holders], set[TenantValue]]:
        """Return who has the values, of the first kind with anybody but the touched, and which are deleted ids."""
        found: dict[TenantValue, Holders] = {}
        gone: set[TenantValue] = set()
        rounds = [self._by_id]
        rounds += self._by_key.values() if len(asked) > _MANY else [" UNION ALL ".join(self._by_key.values())]
        for statement in rounds:
            left = [one for one in asked if (one.tenant, one.value) not in found]
            if not left:
                break
            for piece in pieces(left):
                for place, kind, user_id in sorted(await connection.fetch(statement, *columns_of(piece))):
                    tenant, value, *_ = piece[place - 1]
                    if kind < 0:
                        gone.add((tenant, value))
                    elif (tenant, user_id) not in touched:
                        _note(found, (tenant, value), kind, user_id)
                await asyncio.sleep(0)
        return found, gone


def ask(tenant: str, values: Iterable[str], most: Mapping[str, int]) -> list[Asked]:
    """Return values as they are asked for."""
    return [Asked(tenant, value, fold(value), fold_name(value), most.get(value, 2)) for value in values]


def _note(found: dict[TenantValue, Holders], value: TenantValue, kind: int, user_id: str) -> None:
    holders = found.get(value)
    if holders is None:
        found[value] = Holders(kind, (user_id,))
    elif holders.kind == kind and len(holders.ids) < 2:
        found[value] = Holders(kind, (*holders.ids, user_id))
