"""The composition root of commands: the log, the database and what an operator does with them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import asyncpg

from rollbook.control.tenants import Tenants
from rollbook.control.unique_identifier import Told, UniqueIdentifierChange
from rollbook.errors import CommandError
from rollbook.settings import Settings
from rollbook.stack import Stack, find_stack
from rollbook.streams import recorded_partitions
from rollbook_contracts.datetimes import format_instant
from rollbook_contracts.identifiers import new_id
from rollbook_gateway.log.connection import Connection, connect
from rollbook_gateway.log.identity import CheckedLog, LogIdentity, LogRegressedError
from rollbook_gateway.log.jetstream import JetStreamEventLog
from rollbook_gateway.requests.decision_loop import DecisionLoop
from rollbook_gateway.search.checkpoints import checkpoints
from rollbook_gateway.search.database import open_pool
from rollbook_projector.headers import LogClient

_PATIENCE: Final = 15.0


class LogConnection(LogClient, Connection):
    """For readers of the whole log: never gives up, and parses headers only where they are looked at."""


@asynccontextmanager
async def log_connection(stack: Stack) -> AsyncIterator[LogConnection]:
    """Open a connection for reading the whole log."""
    connection = LogConnection()
    await connect(stack.nats_url, name="rollbook command", patience=5, connection=connection)
    try:
        yield connection
    finally:
        await connection.close()


def now() -> str:
    """Return the time as facts carry it."""
    return format_instant(datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Operation:
    """What a command works with, open for as long as it runs."""

    stack: Stack
    nats: Connection
    log: CheckedLog
    connection: asyncpg.Connection
    partitions: int

    def tenants(self) -> Tenants:
        """Return the operator's view of tenants."""
        return Tenants(
            self.log,
            self.connection,
            partitions=self.partitions,
            new_id=new_id,
            now=now,
        )

    def unique_identifier_change(self, told: Told) -> UniqueIdentifierChange:
        """Return what changes a tenant's unique identifier, telling what it does."""
        decisions = DecisionLoop(self.log, self.stack.claim_key, now)
        return UniqueIdentifierChange(
            self.tenants(), self.log, self.connection, decisions, new_id, self.partitions, told=told
        )

    def tenant_url(self, name: str) -> str:
        """Return the address that an administrator pastes into the identity provider."""
        return f"{self.stack.gateway_url}/scim/{name}/v2"


@asynccontextmanager
async def operating(settings: Settings) -> AsyncIterator[Operation]:
    """Open what a command needs; raises ``CommandError`` where the stack is not there."""
    stack = find_stack(settings)
    nats = await connect(stack.nats_url, name="rollbook command", patience=5)
    try:
        partitions = await recorded_partitions(nats)
        if partitions is None:
            raise CommandError(
                "NATS holds no log of Rollbook yet: start `rollbook up`, a gateway or a projector first."
            )
        async with _checked(nats, stack, partitions) as (log, _):
            connection = await asyncpg.connect(stack.database_url, timeout=5, command_timeout=60)
            try:
                yield Operation(stack, nats, log, connection, partitions)
            finally:
                await connection.close()
    finally:
        await nats.close()


@asynccontextmanager
async def _checked(nats: Connection, stack: Stack, partitions: int) -> AsyncIterator[tuple[CheckedLog, LogIdentity]]:
    """Open the log, to be compared with the tables when it is first asked for something."""
    log = JetStreamEventLog(nats, partitions)
    await log.open()
    async with open_pool(stack.database_url, size=1) as pool:
        identity = LogIdentity(log, checkpoints(pool), partitions)
        end = nats.on_interruption(identity.interrupted)
        try:
            yield CheckedLog(log, identity), identity
        finally:
            end()
            await log.close()


async def require_same_log(settings: Settings) -> None:
    """Raise ``LogRegressedError`` where the log is not the one that the tables were made of."""
    stack = find_stack(settings)
    nats = await connect(stack.nats_url, name="rollbook command", patience=15)
    try:
        async with open_pool(stack.database_url, size=1) as pool:
            applied = await checkpoints(pool)() or {}
        if not any(place.sequence for place in applied.values()):
            return
        partitions = await recorded_partitions(nats)
        if partitions is None:
            raise LogRegressedError("NATS holds no log, but the tables hold what was applied of one")
        async with _checked(nats, stack, partitions) as (_, identity):
            await identity.require_all(asyncio.get_running_loop().time() + _PATIENCE)
    finally:
        await nats.close()
