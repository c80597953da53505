"""The product in the tests' own process: real NATS and PostgreSQL, one gateway or more, one projector."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
import asyncpg

from rollbook.control import tokens
from rollbook.control.tenants import Tenants
from rollbook.roots.gateway import serve_gateway
from rollbook.roots.operator import now
from rollbook.roots.projector import projecting
from rollbook.settings import Settings
from rollbook.stack import Stack
from rollbook_contracts.claims import ClaimKey
from rollbook_contracts.identifiers import new_id
from rollbook_contracts.settings import TenantSettings
from rollbook_gateway.admission.tokens import new_token
from rollbook_gateway.edge.limits import Limits
from rollbook_gateway.log.connection import connect
from rollbook_gateway.log.jetstream import JetStreamEventLog
from support.scim import Reply, Scim

_names = itertools.count()


@dataclass(slots=True)
class Product:
    """A running product; each test takes tenants of its own."""

    gateway_urls: list[str]
    stack: Stack
    log: JetStreamEventLog
    partitions: int
    database: asyncpg.Connection
    session: aiohttp.ClientSession

    def tenants(self) -> Tenants:
        return Tenants(self.log, self.database, partitions=self.partitions, new_id=new_id, now=now)

    async def new_tenant(self, *, gateway: int = 0, **settings: Any) -> Scim:
        """Create a tenant and return a client of it."""
        name = f"tenant-{next(_names)}"
        row = await self.tenants().create(name, TenantSettings(**settings))
        token = new_token()
        await tokens.issue(self.database, row.tenant, token, label="test", now=datetime.now(UTC))
        return Scim(self.session, f"{self.gateway_urls[gateway]}/scim/{name}/v2", str(token))

    def at(self, scim: Scim, gateway: int) -> Scim:
        """Return a client of the same tenant at another gateway."""
        name = tenant_name(scim)
        return Scim(self.session, f"{self.gateway_urls[gateway]}/scim/{name}/v2", scim.token)

    async def row(self, user: dict[str, Any]) -> asyncpg.Record:
        """Return a person's row, once the tables have the version that was answered."""
        version = int(user["meta"]["version"].removeprefix('W/"').rstrip('"'))
        async with asyncio.timeout(10):
            while True:
                row = await self.database.fetchrow("SELECT * FROM lms.users WHERE id = $1", user["id"])
                if row is not None and row["fact_seq"] >= version:
                    return row
                await asyncio.sleep(0.01)

    async def until(
        self, ask: Callable[[], Awaitable[Reply]], good: Callable[[Reply], bool], *, within: float = 10
    ) -> Reply:
        """Ask until the reply is good; the test fails where that takes more than so many seconds."""
        async with asyncio.timeout(within):
            while not good(reply := await ask()):  # noqa: ASYNC110  # other processes make it good
                await asyncio.sleep(0.02)
        return reply

    async def everything_stored(self) -> str:
        """Return all that the log and the tables hold of people, as text."""
        found = []
        for partition in range(self.partitions):
            for sequence in range(1, await self.log.head(partition) + 1):
                stored = await self.log.at(partition, sequence)
                assert stored is not None
                found.append(f"{stored.subject} {dict(stored.headers)} {stored.body!r}")
        for table in ("lms.users", "provisioning.outbox", "provisioning.parked", "provisioning.requests"):
            found += [str(dict(row)) for row in await self.database.fetch(f"SELECT * FROM {table}")]
        return "\n".join(found)


def tenant_name(scim: Scim) -> str:
    """Return the name in a client's Tenant URL."""
    return scim.tenant_url.split("/")[-2]


@asynccontextmanager
async def running_product(
    nats_url: str,
    database_url: str,
    *,
    gateways: int = 1,
    settings: Settings | None = None,
) -> AsyncIterator[Product]:
    """Run a product on empty servers for the block."""
    settings = settings or Settings(allow_lazy_sync=True)
    stack = Stack(nats_url, database_url, ClaimKey(bytes(range(32))), "http://unused")
    stop = asyncio.Event()
    urls: list[str] = []
    async with projecting(stack, settings) as projector, asyncio.TaskGroup() as group:
        group.create_task(projector.run(stop))
        for _ in range(gateways):
            ready = asyncio.get_running_loop().create_future()
            group.create_task(
                serve_gateway(stack, settings, host="127.0.0.1", port=0, stop=stop, ready=ready.set_result),
            )
            urls.append(f"http://127.0.0.1:{await ready}")
        nats = await connect(nats_url, name="tests")
        log = JetStreamEventLog(nats, 4)
        await log.open()
        database = await asyncpg.connect(database_url)
        try:
            async with aiohttp.ClientSession() as session:
                yield Product(urls, stack, log, 4, database, session)
        finally:
            stop.set()
            await database.close()
            await log.close()
            await nats.close()


@asynccontextmanager
async def with_limits(product: Product, limits: Limits) -> AsyncIterator[Product]:
    """Run one more gateway of a product, with these limits, and lend the product with it alone."""
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    settings = Settings(allow_lazy_sync=True)
    async with asyncio.TaskGroup() as group:
        group.create_task(
            serve_gateway(
                product.stack, settings, host="127.0.0.1", port=0, stop=stop, ready=ready.set_result, limits=limits
            ),
        )
        try:
            yield replace(product, gateway_urls=[f"http://127.0.0.1:{await ready}"])
        finally:
            stop.set()
