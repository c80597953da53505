"""Changes a tenant's unique identifier while people are provisioned; for `rollbook tenant set` and for the gateway.

Each step is a fact of the tenant, so that whoever comes after a crash goes on from there (docs/adr/0010):

    announced   the next identifier is claimed beside the one in force: by gateways with every write of a person, by the
                back-fill for everybody else. Where somebody else holds a value already, the change is withdrawn.
    completed   the next one is in force, the former one's claims are released, again by writes and by the back-fill
    settled     nothing is left of the former one
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from rollbook.control.applied import wait_until_applied
from rollbook.control.people import Collision, collisions, everybody, without
from rollbook.control.tenants import TenantRow, Tenants
from rollbook.errors import CommandError
from rollbook_contracts import subjects
from rollbook_contracts.identifiers import IdKind
from rollbook_contracts.partitions import partition_of
from rollbook_contracts.settings import UniqueIdentifier
from rollbook_gateway.decide.state import PresentUser, UserState
from rollbook_gateway.decide.user import Decider, Decision, Tenant
from rollbook_gateway.log.port import EventLog
from rollbook_gateway.requests.decision_loop import DEADLINE_SECONDS, DecisionLoop
from rollbook_gateway.requests.rules_in_force import CONFIRMED_SECONDS
from rollbook_gateway.scim.errors import ErrorKind, ScimError

QUIET_SECONDS = CONFIRMED_SECONDS + DEADLINE_SECONDS + 2.0
"""After so long no gateway writes by rules of before: it confirms them more often and gives a write up earlier."""
_PROBE_SECONDS = 0.25
_SLOW_SECONDS = 1.0
_AT_ONCE = 64
# Any constant will do: with a tenant's hash it keeps two from changing one tenant's identifier at a time.
_CHANGE_LOCK = 7_303_003
_LOCK_SECONDS = 3600.0

Told = Callable[[str], None]
"""Told in a sentence what is done now."""


class IdentifiersCollideError(CommandError):
    """People would not be unique by the wanted identifier; nothing is changed, or all of it is taken back."""

    def __init__(self, wanted: UniqueIdentifier, found: Sequence[Collision]) -> None:
        super().__init__(
            f"The unique identifier cannot be {wanted}: {len(found)} people share a value with somebody else. Give "
            "them values of their own in the identity provider, or delete those who are there twice, and try again.",
        )
        self.collisions = found


@dataclass(frozen=True, slots=True)
class UniqueIdentifierChange:
    """Takes a tenant from one unique identifier to the other; at most one at a time does so for a tenant."""

    tenants: Tenants
    log: EventLog
    connection: asyncpg.Connection
    decisions: DecisionLoop
    new_id: Callable[[IdKind], str]
    partitions: int
    quiet: float = QUIET_SECONDS
    told: Told = lambda _sentence: None

    async def to(self, name: str, wanted: UniqueIdentifier) -> TenantRow:
        """Make ``wanted`` the unique identifier, finishing or taking back what was begun before.

        Raises ``IdentifiersCollideError`` where people are not unique by it.
        """
        tenant = (await self.tenants.get(name)).tenant
        async with self._alone(tenant, wait=True):
            row = await self._present(name)
            if row.settings.former_unique_identifier:
                row = await self._release(row)
            if row.settings.next_unique_identifier and row.settings.next_unique_identifier != wanted:
                row = await self._withdraw(row)
            if row.settings.unique_identifier == wanted:
                return row
            if not row.settings.next_unique_identifier:
                if found := await collisions(self.connection, tenant, wanted):
                    raise IdentifiersCollideError(wanted, found)
                row = await self.tenants.set_identifiers(name, now=row.settings.unique_identifier, upcoming=wanted)
            return await self._take(row)

    async def resume(self, name: str) -> TenantRow | None:
        """Finish a change whose operator's command died; ``None`` where somebody is at it."""
        tenant = (await self.tenants.get(name)).tenant
        async with self._alone(tenant, wait=False) as alone:
            if not alone:
                return None
            row = await self._present(name)
            if row.settings.former_unique_identifier:
                row = await self._release(row)
            return await self._take(row) if row.settings.next_unique_identifier else row

    async def _take(self, row: TenantRow) -> TenantRow:
        """Have everybody claim the next identifier, then put it in force."""
        wanted = row.settings.next_unique_identifier
        assert wanted, "a change was announced"
        await self._until_all_know(row)
        nameless = await without(self.connection, row.tenant, wanted)
        self.told(f"Claiming the {wanted} of everybody who has one; {nameless} people have none.")
        if refused := await self._reclaim(row):
            found = await self._refused(row, wanted, refused)
            await self._withdraw(row)
            raise IdentifiersCollideError(wanted, found)
        former = row.settings.unique_identifier
        return await self._release(await self.tenants.set_identifiers(row.name, now=wanted, former=former))

    async def _withdraw(self, row: TenantRow) -> TenantRow:
        """Take an announcement back and release what was claimed for it."""
        now, upcoming = row.settings.unique_identifier, row.settings.next_unique_identifier
        self.told(f"Taking back the change to {upcoming}.")
        return await self._release(await self.tenants.set_identifiers(row.name, now=now, former=upcoming or None))

    async def _release(self, row: TenantRow) -> TenantRow:
        """Release the claims of the former identifier, and forget it."""
        await self._until_all_know(row)
        self.told(f"Releasing claims of the former unique identifier, {row.settings.former_unique_identifier}.")
        refused = await self._reclaim(row)
        row = await self.tenants.set_identifiers(row.name, now=row.settings.unique_identifier)
        if refused:
            identifier = row.settings.unique_identifier
            raise IdentifiersCollideError(identifier, await self._refused(row, identifier, refused))
        return row

    async def _until_all_know(self, row: TenantRow) -> None:
        """Wait until no gateway writes by the rules of before; a log that stalls could hold such a write back."""
        self.told(f"Waiting {self.quiet:.0f} s until every gateway decides by the new rule.")
        clock = asyncio.get_running_loop().time
        quiet_since = clock()
        while clock() - quiet_since < self.quiet:
            asked_at = clock()
            await self.log.head(self._partition(row))
            if clock() - asked_at > _SLOW_SECONDS:
                quiet_since = clock()
            await asyncio.sleep(min(_PROBE_SECONDS, self.quiet))

    async def _reclaim(self, row: TenantRow) -> list[str]:
        """Have each person hold the claims that the rules ask for; return those whose value somebody else holds."""
        partition = self._partition(row)
        await self._until_applied(partition, row.tenant)
        stored = await self.log.last(partition, subjects.tenant_facts(partition, row.tenant))
        assert stored is not None, "the step that is taken stands there"
        tenant = Tenant(row.tenant, row.name, partition, row.settings, stored.sequence)
        people = await everybody(self.connection, row.tenant)
        refused = []
        for start in range(0, len(people), _AT_ONCE):
            some = people[start : start + _AT_ONCE]
            held = await asyncio.gather(*(self._reclaim_one(tenant, person) for person in some))
            refused += [person for person, holds in zip(some, held, strict=True) if not holds]
        return refused

    async def _reclaim_one(self, tenant: Tenant, person: str) -> bool:
        def reclaim(decider: Decider, state: UserState) -> Decision | None:
            return decider.reclaim(state) if isinstance(state, PresentUser) else None

        try:
            await self.decisions.change(tenant, self.new_id("req"), person, reclaim)
        except ScimError as error:
            if error.kind is not ErrorKind.UNIQUENESS:
                raise
            return False
        return True

    async def _refused(self, row: TenantRow, wanted: UniqueIdentifier, refused: list[str]) -> Sequence[Collision]:
        await self._until_applied(self._partition(row), row.tenant)
        return await collisions(self.connection, row.tenant, wanted) or [
            Collision("", person, "", active=None) for person in refused
        ]

    async def _present(self, name: str) -> TenantRow:
        await self._until_applied(self._partition(await self.tenants.get(name)))
        return await self.tenants.get(name)

    async def _until_applied(self, partition: int, tenant: str | None = None) -> None:
        await wait_until_applied(self.connection, partition, await self.log.head(partition), tenant)

    def _partition(self, row: TenantRow) -> int:
        return partition_of(row.tenant, self.partitions)

    @asynccontextmanager
    async def _alone(self, tenant: str, *, wait: bool) -> AsyncIterator[bool]:
        lock = "SELECT pg_advisory_lock($1, hashtext($2))" if wait else "SELECT pg_try_advisory_lock($1, hashtext($2))"
        held = wait | bool(await self.connection.fetchval(lock, _CHANGE_LOCK, tenant, timeout=_LOCK_SECONDS))
        try:
            yield held
        finally:
            if held:
                await self.connection.execute("SELECT pg_advisory_unlock($1, hashtext($2))", _CHANGE_LOCK, tenant)
