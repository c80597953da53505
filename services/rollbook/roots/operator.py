"""The composition root of commands: the log, the database and what an operator does with them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

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
from rollbook_gateway.log.jetstream import JetStreamEventLog
from rollbook_gateway.requests.decision_loop import DecisionLoop
from rollbook_projector.headers import LogClient


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
    log: JetStreamEventLog
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
        log = JetStreamEventLog(nats, partitions)
        await log.open()
        connection = await asyncpg.connect(stack.database_url, timeout=5, command_timeout=60)
        try:
            yield Operation(stack, nats, log, connection, partitions)
        finally:
            await connection.close()
            await log.close()
    finally:
        await nats.close()
