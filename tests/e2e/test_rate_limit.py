"""A tenant's rate limit over HTTP: off unless set, a wait first, then 429 (wire case O09)."""

import asyncio
import time

import msgspec
import pytest

from rollbook_contracts.settings import RateLimit
from support.fleet import Fleet
from support.people import somebody
from support.product import Product, tenant_name
from support.scim import MEDIA_TYPE, Reply, Scim


async def send_timed(scim: Scim, number: int) -> tuple[float, Reply]:
    started = time.monotonic()
    reply = await scim.post("/Users", somebody(number))
    return time.monotonic() - started, reply


async def test_over_the_limit_requests_wait_then_get_429(product: Product) -> None:
    """Of 30 at once at 5 a second some go at once, some within two seconds, the rest is told when to come back."""
    scim = await product.new_tenant(rate_limit=RateLimit(requests_per_second=5, burst=5))
    answers = await asyncio.gather(*(send_timed(scim, number) for number in range(30)))

    refused = [(waited, reply) for waited, reply in answers if reply.status == 429]
    assert [reply.status for _, reply in answers].count(201) == 30 - len(refused)
    assert 12 <= 30 - len(refused) <= 25, "the burst of 5, those of two seconds, and some that a busy machine sent late"
    for waited, reply in refused:
        assert 1.9 < waited < 10
        assert reply.headers["Retry-After"].isdecimal()
        assert int(reply.headers["Retry-After"]) >= 1
        assert reply.headers["Content-Type"] == MEDIA_TYPE
        assert (reply.body["status"], reply.body["schemas"]) == ("429", ["urn:ietf:params:scim:api:messages:2.0:Error"])
        assert "5 requests per second" in reply.body["detail"]

    await asyncio.sleep(max(int(reply.headers["Retry-After"]) for _, reply in refused))
    assert (await scim.get("/Users")).status == 200


async def test_a_limit_is_set_and_taken_away_while_all_runs(product: Product) -> None:
    """It is a fact like the other rules: gateways go by it once they are told, others are not slowed down by it."""
    scim, other = await product.new_tenant(), await product.new_tenant()
    name = tenant_name(scim)
    assert {(await scim.get("/Users?count=0")).status for _ in range(20)} == {200}

    limit = RateLimit(requests_per_second=1, burst=1)
    await product.tenants().set(name, lambda old: msgspec.structs.replace(old, rate_limit=limit))

    async def burst(client: Scim) -> set[int]:
        replies = await asyncio.gather(*(client.get("/Users?count=0") for _ in range(10)))
        return {reply.status for reply in replies}

    async with asyncio.timeout(20):
        while await burst(scim) != {200, 429}:  # noqa: ASYNC110  # the gateway is told
            await asyncio.sleep(0.05)
    assert await burst(other) == {200}

    row = await product.tenants().set(name, lambda old: msgspec.structs.replace(old, rate_limit=msgspec.UNSET))
    assert row.settings.rate_limit is msgspec.UNSET
    async with asyncio.timeout(20):
        while await burst(scim) != {200}:  # noqa: ASYNC110  # the gateway is told
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (("--rate-limit", "50"), (50, 50)),
        (("--rate-limit", "50", "--burst", "200"), (50, 200)),
        (("--rate-limit", "0"), (None, None)),
    ],
)
async def test_tenant_set_names_the_limit(fleet: Fleet, options: tuple[str, ...], shown: tuple[int, int]) -> None:
    """`tenant set --rate-limit N --burst M` is shown as it was set; the burst is a second's worth unless given."""
    name = tenant_name(await fleet.new_tenant(rate_limit=RateLimit(7, 8)))
    done = await fleet.rollbook("tenant", "set", name, *options, "--json")
    row = msgspec.json.decode(done.out)
    assert (done.status, row["rate_limit"], row["burst"]) == (0, *shown)


async def test_a_burst_needs_a_limit(fleet: Fleet) -> None:
    """Wrong usage is told as such."""
    name = tenant_name(await fleet.new_tenant())
    done = await fleet.rollbook("tenant", "set", name, "--burst", "5")
    assert (done.status, "no rate limit" in done.err) == (2, True)
