"""A thousand organizations that come at once are all answered: nobody is refused for the number of the others."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import aiohttp
import pytest

from rollbook.roots.operator import now
from rollbook_contracts import subjects
from rollbook_contracts.facts.tenant import TenantCreated
from rollbook_contracts.identifiers import new_id
from rollbook_contracts.partitions import partition_of
from rollbook_contracts.settings import TenantSettings
from rollbook_gateway.admission.tokens import new_token
from rollbook_gateway.decide.user import PlannedFact
from rollbook_gateway.decide.write import assemble
from support.product import Product
from support.projecting import until
from support.scim import Scim

pytestmark = pytest.mark.timeout(120)

MANY = 1000


async def many_tenants(product: Product) -> list[tuple[str, str]]:
    """Create tenants side by side, each with a token that no gateway has seen; return names and tokens."""
    ids = [new_id("ten") for _ in range(MANY)]
    names = [f"many-{place}" for place in range(MANY)]
    deadline = asyncio.get_running_loop().time() + 60

    async def create(tenant: str, name: str) -> None:
        partition = partition_of(tenant, product.partitions)
        fact = TenantCreated(tenant, name, enabled=True, settings=TenantSettings(default_region="EMEA"))
        planned = PlannedFact(subjects.tenant_facts(partition, tenant), tenant, fact, 0)
        write = assemble((planned,), partition=partition, tenant=tenant, request_id=new_id("req"), now=now())
        await product.log.append(write, deadline=deadline)

    await asyncio.gather(*(create(*pair) for pair in zip(ids, names, strict=True)))
    issued = [new_token() for _ in ids]
    await product.database.executemany(
        "INSERT INTO control.tokens (key_id, tenant, secret_sha256, label, created_at, scopes)"
        " VALUES ($1, $2, $3, 'test', now(), '{users,groups}')",
        [(token.key_id, tenant, token.secret_sha256) for tenant, token in zip(ids, issued, strict=True)],
    )

    async def all_there() -> bool:
        query = "SELECT count(*) FROM control.tenants WHERE tenant = ANY ($1)"
        return bool(await product.database.fetchval(query, ids) == MANY)

    await until(all_there)
    return [(name, str(token)) for name, token in zip(names, issued, strict=True)]


@pytest.fixture
async def crowd(product: Product) -> AsyncIterator[list[Scim]]:
    """Lend a client of each of a thousand tenants, all of them at the first gateway."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield [
            Scim(session, f"{product.gateway_urls[0]}/scim/{name}/v2", token)
            for name, token in await many_tenants(product)
        ]


async def test_a_thousand_organizations_at_once_are_all_answered(crowd: list[Scim]) -> None:
    """One creation from each at the same time is 201, or 429, whether the gateway has seen their tokens or not."""
    for user_name in ("cold", "warm"):
        replies = await asyncio.gather(*(scim.post("/Users", {"userName": user_name}) for scim in crowd))
        counted = Counter(reply.status for reply in replies)
        refused = {reply.body["detail"] for reply in replies if reply.status not in {201, 429}}
        assert not refused, (user_name, counted, refused)
        assert counted[201] > MANY // 2
