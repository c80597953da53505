"""Tables ``lms.tenants`` and ``control.tenants``: one row for each organization, here by name, there with its rules."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import msgspec

from rollbook_contracts.facts.tenant import (
    TenantCreated,
    TenantDisabled,
    TenantEnabled,
    TenantFact,
    TenantSettingsChanged,
)
from rollbook_contracts.tables import control, lms
from rollbook_projector.halts import broken_chain
from rollbook_projector.projections.storable import Storable
from rollbook_projector.recorded import Recorded
from rollbook_projector.session import Connection
from rollbook_projector.statements import columns_of, upsert

TenantRow: TypeAlias = tuple[Any, ...]
"""The values of a row of ``control.tenants`` in the order of its columns."""


@dataclass(slots=True)
class Tenants:
    """The organizations that a batch touches: the sequences of their last facts, and the last row of each."""

    sequences: dict[str, int]
    rows: dict[str, TenantRow] = field(default_factory=dict)

    def apply(self, recorded: Recorded, predecessor: int | None = None) -> None:
        """Apply one fact; ``predecessor`` and what is raised are as for people."""
        last = predecessor if predecessor is not None else self.sequences.get(recorded.tenant, 0)
        if recorded.prev != last:
            raise broken_chain(recorded, last)
        row = REACTIONS[type(recorded.fact)](recorded)
        _STORABLE.check(row)
        self.rows[recorded.tenant] = row
        self.sequences[recorded.tenant] = recorded.sequence


def put(recorded: Recorded) -> TenantRow:
    """Return the row of an organization; each of its facts carries the whole of it."""
    fact = recorded.fact
    assert isinstance(fact, TenantFact)
    return (fact.id, fact.name, fact.enabled, msgspec.json.encode(fact.settings).decode(), recorded.sequence)


REACTIONS: Final[Mapping[Any, Callable[[Recorded], TenantRow]]] = MappingProxyType(
    {TenantCreated: put, TenantSettingsChanged: put, TenantEnabled: put, TenantDisabled: put}
)

_STORABLE: Final = Storable(control.tenants)
_NOTIFY: Final = "SELECT pg_notify($1, tenant) FROM unnest($2::text[]) AS tenant"


class TenantTable:
    """Reads and writes the rows, in the two tables or in others of their shapes."""

    def __init__(self, name: str = "lms.tenants", control_name: str = "control.tenants") -> None:
        self._load = f"SELECT tenant, fact_seq FROM {name} WHERE tenant = ANY($1::text[])"  # noqa: S608  # our own name
        self._upsert = upsert(lms.tenants, name)
        # A rebuild leaves newer rows alone: tenants that are disabled by now must not be admitted again on the way.
        self._upsert_control = f"{upsert(control.tenants, control_name)} WHERE present.fact_seq <= excluded.fact_seq"

    async def load(self, connection: Connection, tenants: Collection[str]) -> dict[str, int]:
        """Return the sequences of those organizations that have a row."""
        if not tenants:
            return {}
        return dict(await connection.fetch(self._load, list(tenants)))

    async def write(self, connection: Connection, rows: Mapping[str, TenantRow]) -> None:
        """Bring the rows to their last state and announce it to the gateways when the transaction commits."""
        if not rows:
            return
        await connection.execute(
            self._upsert,
            *columns_of([(tenant, name, enabled, sequence) for tenant, name, enabled, _, sequence in rows.values()]),
        )
        await self.write_control(connection, rows)

    async def write_control(self, connection: Connection, rows: Mapping[str, TenantRow]) -> None:
        """Do so only for what requests are admitted by."""
        if rows:
            await connection.execute(self._upsert_control, *columns_of(rows.values()))
            await connection.execute(_NOTIFY, control.NOTIFY_CHANNEL, list(rows))
