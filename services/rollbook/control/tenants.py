"""Tenants: created and changed by facts on the log, shown from the tables that the projector makes of them."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import msgspec

from rollbook.control.applied import wait_until_applied
from rollbook.control.rules import prepared
from rollbook.errors import CommandError
from rollbook_contracts import subjects
from rollbook_contracts.facts.codec import decode_fact
from rollbook_contracts.facts.tenant import (
    TenantCreated,
    TenantDisabled,
    TenantEnabled,
    TenantFact,
    TenantSettingsChanged,
)
from rollbook_contracts.identifiers import IdKind, derived_id
from rollbook_contracts.partitions import partition_of
from rollbook_contracts.settings import TenantSettings, UniqueIdentifier
from rollbook_gateway.decide.user import PlannedFact
from rollbook_gateway.decide.write import assemble
from rollbook_gateway.log.port import EventLog, RefusedError

NAME_FORM = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
APPEND_SECONDS = 5.0
# Any constant will do: it keeps two operators from giving one name twice.
_NAMES_LOCK = 7_303_001


@dataclass(frozen=True, slots=True)
class TenantRow:
    """A tenant as the tables show it."""

    tenant: str
    name: str
    enabled: bool
    settings: TenantSettings


class Tenants:
    """The operator's view of all tenants; ``new_id`` makes ids of requests, ``now`` the time as RFC 3339."""

    def __init__(
        self,
        log: EventLog,
        connection: asyncpg.Connection,
        *,
        partitions: int,
        new_id: Callable[[IdKind], str],
        now: Callable[[], str],
    ) -> None:
        self._log = log
        self._connection = connection
        self._partitions = partitions
        self._new_id = new_id
        self._now = now

    async def create(self, name: str, settings: TenantSettings) -> TenantRow:
        """Append ``tenant.created`` and wait until the tables have it.

        The id is made of the name, so that the guard on the tenant's first fact gives a name once: a creation in doubt
        that is repeated, and comes in late after all, is the same one. Raises ``CommandError`` for a name that is taken
        or cannot stand in a URL, and for settings that contradict themselves.
        """
        if not NAME_FORM.fullmatch(name):
            raise CommandError(
                f"The name {name!r} cannot stand in a Tenant URL: use 1 to 63 of a-z, 0-9 and -, not - at either end.",
            )
        settings = prepared(settings)
        async with self._names_locked():
            for partition in range(self._partitions):
                await wait_until_applied(self._connection, partition, await self._log.head(partition))
            taken = CommandError(f"There is a tenant {name!r} already. `rollbook tenant show {name}` shows it.")
            if await self._find(name) is not None:
                raise taken
            tenant = derived_id("ten", name)
            try:
                await self._append(TenantCreated(tenant, name, enabled=True, settings=settings), expected=0)
            except RefusedError as refusal:
                await wait_until_applied(self._connection, partition_of(tenant, self._partitions), refusal.last)
                raise taken from refusal
        return TenantRow(tenant, name, enabled=True, settings=settings)

    async def all(self) -> Sequence[TenantRow]:
        """Return every tenant, by name."""
        rows = await self._connection.fetch("SELECT tenant, name, enabled, settings FROM control.tenants ORDER BY name")
        return [_row(row) for row in rows]

    async def get(self, name: str) -> TenantRow:
        """Return the tenant with a name; raises ``CommandError`` where there is none."""
        found = await self._find(name)
        if found is None:
            raise CommandError(f"There is no tenant {name!r}. `rollbook tenant list` shows those there are.")
        return found

    async def enable(self, name: str, *, enabled: bool) -> TenantRow:
        """Let a tenant's tokens work, or stop them."""

        def change(fact: TenantFact) -> TenantFact | None:
            if fact.enabled == enabled:
                return None
            fact_type = TenantEnabled if enabled else TenantDisabled
            return fact_type(fact.id, fact.name, enabled=enabled, settings=fact.settings)

        return await self._change(name, change)

    async def set(self, name: str, revise: Callable[[TenantSettings], TenantSettings]) -> TenantRow:
        """Change a tenant's rules, but for the unique identifier: that takes more than a fact."""

        def change(fact: TenantFact) -> TenantFact | None:
            settings = prepared(revise(fact.settings))
            assert _identifiers(settings) == _identifiers(fact.settings), "see UniqueIdentifierChange"
            return _changed(fact, settings)

        return await self._change(name, change)

    async def set_identifiers(
        self,
        name: str,
        *,
        now: UniqueIdentifier,
        upcoming: UniqueIdentifier | None = None,
        former: UniqueIdentifier | None = None,
    ) -> TenantRow:
        """Take a step of a change of the unique identifier; only that change may call this."""

        def change(fact: TenantFact) -> TenantFact | None:
            settings = msgspec.structs.replace(
                fact.settings,
                unique_identifier=now,
                next_unique_identifier=upcoming or msgspec.UNSET,
                former_unique_identifier=former or msgspec.UNSET,
            )
            return _changed(fact, settings)

        return await self._change(name, change)

    async def _change(self, name: str, change: Callable[[TenantFact], TenantFact | None]) -> TenantRow:
        row = await self.get(name)
        partition = partition_of(row.tenant, self._partitions)
        while True:
            last = await self._log.last(partition, subjects.tenant_facts(partition, row.tenant))
            if last is None:
                raise CommandError(f"Tenant {name!r} stands in the tables but not in the log: run `rollbook verify`.")
            fact = decode_fact(last.headers, last.body)
            assert isinstance(fact, TenantFact), "only tenant facts stand on a tenant's subject"
            changed = change(fact)
            if changed is None:
                return TenantRow(fact.id, fact.name, fact.enabled, fact.settings)
            try:
                await self._append(changed, expected=last.sequence)
            except RefusedError:
                continue
            return TenantRow(changed.id, changed.name, changed.enabled, changed.settings)

    async def _append(self, fact: TenantFact, *, expected: int) -> None:
        partition = partition_of(fact.id, self._partitions)
        planned = PlannedFact(subjects.tenant_facts(partition, fact.id), fact.id, fact, expected)  # type: ignore[arg-type]  # the four subclasses of TenantFact are all facts
        write = assemble(
            [planned],
            partition=partition,
            tenant=fact.id,
            request_id=self._new_id("req"),
            now=self._now(),
        )
        deadline = asyncio.get_running_loop().time() + APPEND_SECONDS
        await wait_until_applied(self._connection, partition, await self._log.append(write, deadline=deadline))

    async def _find(self, name: str) -> TenantRow | None:
        row = await self._connection.fetchrow(
            "SELECT tenant, name, enabled, settings FROM control.tenants WHERE name = $1",
            name,
        )
        return _row(row) if row else None

    @asynccontextmanager
    async def _names_locked(self) -> AsyncIterator[None]:
        await self._connection.execute("SELECT pg_advisory_lock($1)", _NAMES_LOCK)
        try:
            yield
        finally:
            await self._connection.execute("SELECT pg_advisory_unlock($1)", _NAMES_LOCK)


def _changed(fact: TenantFact, settings: TenantSettings) -> TenantFact | None:
    if settings == fact.settings:
        return None
    return TenantSettingsChanged(fact.id, fact.name, enabled=fact.enabled, settings=settings)


def _identifiers(settings: TenantSettings) -> tuple[object, ...]:
    return settings.unique_identifier, settings.next_unique_identifier, settings.former_unique_identifier


def _row(row: asyncpg.Record) -> TenantRow:
    settings = msgspec.json.decode(row["settings"], type=TenantSettings)
    return TenantRow(row["tenant"], row["name"], row["enabled"], settings)
