"""How far what was answered has come: to rows, and to changes; asked beside and after the write cells."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import nats
from nats.aio.client import Client
from nats.errors import TimeoutError as NatsTimeoutError

from bench.stack import Ready
from rollbook_contracts.streams import CHANGES, DEFAULT_PARTITIONS, provisioning

DRAIN_SECONDS = 300.0
_APPLIED = "SELECT partition, seq FROM provisioning.checkpoints"
_WAITING = "SELECT EXISTS (SELECT FROM provisioning.outbox)"


@dataclass(frozen=True, slots=True)
class Drained:
    """When, by the wall clock, the last row and the last change were there."""

    rows_at: float
    changes_at: float


class Pipeline:
    """The servers behind the gateway, asked directly."""

    def __init__(self, client: Client, database: asyncpg.Pool) -> None:
        self.client = client
        self.database = database

    @classmethod
    @asynccontextmanager
    async def connected(cls, ready: Ready) -> AsyncIterator["Pipeline"]:
        """Connect to the servers for the block."""
        client = await nats.connect(ready.nats_url, name="bench")
        try:
            async with asyncpg.create_pool(ready.database_url, min_size=1, max_size=3) as database:
                yield cls(client, database)
        finally:
            await client.close()

    async def drained(self) -> Drained:
        """Wait until all that stands in the log now is applied and its changes are published."""
        heads = {partition: await self.head(partition) for partition in range(DEFAULT_PARTITIONS)}
        await until(lambda: self._is_applied(heads), pause=0.02, patience=DRAIN_SECONDS)
        rows_at = time.time()
        await until(self._is_published, pause=0.02, patience=DRAIN_SECONDS)
        return Drained(rows_at, time.time())

    async def head(self, partition: int) -> int:
        """Return the last sequence of a partition's stream."""
        state = (await self.client.jetstream().stream_info(provisioning(partition))).state
        return state.last_seq

    async def tenant(self, name: str) -> str:
        """Return a tenant's id."""
        found: str = await self.database.fetchval("SELECT tenant FROM lms.tenants WHERE name = $1", name)
        return found

    async def has_row(self, tenant: str, user_id: str) -> bool:
        """Say whether a person's row is there."""
        row = await self.database.fetchval("SELECT 1 FROM lms.users WHERE tenant = $1 AND id = $2", tenant, user_id)
        return row is not None

    async def has_change(self, tenant: str, user_id: str) -> bool:
        """Say whether a person's change stands in CHANGES."""
        asked = b'{"last_by_subj":"lms.%b.user.%b"}' % (tenant.encode(), user_id.encode())
        try:
            answer = await self.client.request(f"$JS.API.STREAM.MSG.GET.{CHANGES}", asked, timeout=2)
        except NatsTimeoutError:
            return False
        return b'"error"' not in answer.data[:200]

    async def _is_applied(self, heads: dict[int, int]) -> bool:
        applied = dict(await self.database.fetch(_APPLIED))
        return all(applied.get(partition, 0) >= head for partition, head in heads.items())

    async def _is_published(self) -> bool:
        return not await self.database.fetchval(_WAITING)


async def until(condition: Callable[[], Awaitable[bool]], *, pause: float, patience: float) -> None:
    """Ask again and again until it is so."""
    async with asyncio.timeout(patience):
        while not await condition():  # noqa: ASYNC110  # servers are asked; nobody here could set an event
            await asyncio.sleep(pause)
