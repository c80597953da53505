"""One tenant moves very many links: the others of its partition are answered, and nothing of it is lost or doubled."""

import asyncio
import contextlib
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest

from rollbook_contracts.partitions import partition_of
from rollbook_contracts.streams import CHANGES
from rollbook_contracts.urns import ENTERPRISE, GROUP
from rollbook_projector.status import Status, read_status
from support.fleet import Fleet, lent, running_fleet
from support.people import somebody
from support.product import tenant_name
from support.projecting import connected, stored, until
from support.scim import Scim

pytestmark = [pytest.mark.fault, pytest.mark.long, pytest.mark.timeout(1800)]

CALLERS = 32
SECONDS = 2.0
"""Within so many seconds each search of another tenant is answered with what it asks for."""
_TENANT = "SELECT tenant FROM lms.tenants WHERE name = $1"
_LINKED = "SELECT count(*) FROM lms.users WHERE tenant = $1 AND manager_id = $2"


@pytest.fixture(scope="module")
async def heavy_fleet() -> AsyncIterator[Fleet]:
    """Run a fleet whose log no other audit must read."""
    async with running_fleet(gateways=1) as running:
        yield running


@pytest.fixture
async def fleet(heavy_fleet: Fleet, request: pytest.FixtureRequest) -> AsyncIterator[Fleet]:
    """Lend it to one test after the other."""
    async with lent(heavy_fleet, request.session) as fleet:
        yield fleet


async def neighbours(fleet: Fleet) -> tuple[Scim, Scim]:
    """Create tenants until two of them stand in one partition."""
    found: dict[int, Scim] = {}
    while True:
        scim = await fleet.new_tenant()
        partition = partition_of(await tenant_id(fleet, scim), 4)
        if partition in found:
            return found[partition], scim
        found[partition] = scim


async def tenant_id(fleet: Fleet, scim: Scim) -> str:
    async with fleet.operation() as opened:
        found: str = await opened.connection.fetchval(_TENANT, tenant_name(scim))
    return found


async def people(scim: Scim, count: int, **attributes: Any) -> list[str]:
    """Create people; return their ids."""
    numbers = iter(range(count))
    found: list[str] = []

    async def caller() -> None:
        for number in numbers:
            body = somebody(number)
            enterprise = {**body.get(ENTERPRISE, {}), **attributes.get(ENTERPRISE, {})}
            found.append((await scim.created({**body, **attributes, ENTERPRISE: enterprise}))["id"])

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return found


@contextlib.asynccontextmanager
async def answered(scim: Scim) -> AsyncIterator[list[float]]:
    """List a tenant's people over and over, writing in between; each answer must be right and come in time."""
    slowest: list[float] = []
    ended = asyncio.Event()
    created = await scim.created(somebody(0))

    async def search() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            reply = await scim.patch(
                f"/Users/{created['id']}", {"op": "replace", "path": "title", "value": f"title {number}"}
            )
            assert reply.status == 200, reply
            began = time.monotonic()
            reply = await scim.get("/Users")
            slowest.append(time.monotonic() - began)
            assert reply.status == 200, (reply, max(slowest))
            assert [one["title"] for one in reply.body["Resources"]] == [f"title {number}"]
            await asyncio.sleep(0.1)

    searching = asyncio.create_task(search())
    try:
        yield slowest
    finally:
        ended.set()
        await searching
    print(f"{len(slowest)} searches, the slowest took {max(slowest):.2f} s")  # noqa: T201  # `pytest -s` shows it
    assert max(slowest) < SECONDS, max(slowest)


async def status(fleet: Fleet) -> Status:
    async with fleet.operation() as opened:
        return await read_status(opened.nats, opened.connection, opened.partitions)


async def settled(fleet: Fleet, *, within: float = 900) -> None:
    """Wait until all is applied and published, and nobody is applied apart any more."""

    async def caught_up() -> bool:
        found = await status(fleet)
        return not found.outbox and not any(one.lag or one.apart for one in found.partitions)

    await until(caught_up, within=within)


async def complete(fleet: Fleet, scim: Scim) -> int:
    """Make sure that a tenant's changes follow each other for each resource, each once; return how many there are."""
    last: dict[str, str | None] = defaultdict(lambda: None)
    ids: set[str] = set()
    async with connected(fleet.nats.url) as client:
        for message in await stored(client, CHANGES, f"lms.{await tenant_id(fleet, scim)}.>"):
            change = msgspec.json.decode(message.body)
            assert change.get("previous") == last[change["id"]]
            last[change["id"]] = change["version"]
            assert message.headers["ce-id"] not in ids
            ids.add(message.headers["ce-id"])
    return len(ids)


@pytest.mark.parametrize(
    ("count", "renames", "kills"),
    [
        pytest.param(1_500, 40, 10, id="killed ten times"),
        pytest.param(5_000, 200, 0, id="5,000 people, 200 renames", marks=pytest.mark.nightly),
        pytest.param(90_000, 12, 0, id="90,000 people, 12 renames", marks=pytest.mark.nightly),
    ],
)
async def test_others_are_answered_while_one_tenant_moves_many_links(
    fleet: Fleet, count: int, renames: int, kills: int, chance: random.Random
) -> None:
    """Many name one manager, whose name goes and comes again and again; the projector may be killed meanwhile."""
    heavy, other = await neighbours(fleet)
    boss = await heavy.created({**somebody(count), "displayName": "Boss 0"})
    await people(heavy, count, **{ENTERPRISE: {"manager": {"value": "Boss 0"}}})
    await settled(fleet)
    async with contextlib.AsyncExitStack() as stack:
        if not kills:
            await stack.enter_async_context(answered(other))
        for number in range(renames):
            value = f"Boss {(number + 1) % 2}"
            operation = {"op": "replace", "path": "displayName", "value": value}
            assert (await heavy.patch(f"/Users/{boss['id']}", operation)).status == 200
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0.2, 1.5))
            fleet.projectors[0].kill()
            await fleet.projectors[0].start()
        await settled(fleet)

    async with fleet.operation() as opened:
        linked = await opened.connection.fetchval(_LINKED, await tenant_id(fleet, heavy), boss["id"])
    assert linked == count * (renames % 2 == 0)
    assert await complete(fleet, heavy) == count * (2 + renames) + 1 + renames


async def test_others_are_answered_while_people_of_many_groups_are_deleted(fleet: Fleet) -> None:
    """500 people are members of 300 groups each, and all are deleted at once."""
    heavy, other = await neighbours(fleet)
    members = await people(heavy, 500)
    for number in range(300):
        await new_group(heavy, f"Group {number}", members)
    await settled(fleet)
    async with answered(other):
        numbers = iter(members)

        async def caller() -> None:
            for user_id in numbers:
                assert (await heavy.delete(f"/Users/{user_id}")).status == 204

        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        await settled(fleet)

    async with fleet.operation() as opened:
        assert not await opened.connection.fetchval(
            "SELECT count(*) FROM lms.group_members WHERE tenant = $1", await tenant_id(fleet, heavy)
        )
    await complete(fleet, heavy)


async def test_others_are_answered_while_a_large_group_is_replaced(fleet: Fleet) -> None:
    """A PUT of 250,000 members, some of whom are there."""
    heavy, other = await neighbours(fleet)
    known = await people(heavy, 1_000)
    group = await new_group(heavy, "Everybody", [])
    values = [*known, *(f"{number}@fabrikam.com" for number in range(249_000))]
    await settled(fleet)
    body = {"schemas": [GROUP], "displayName": "Everybody", "members": [{"value": value} for value in values]}
    async with answered(other):
        reply = await heavy.put(f"/Groups/{group}?excludedAttributes=members", body)
        assert reply.status == 200, reply
        await settled(fleet)

    async with fleet.operation() as opened:
        tenant = await tenant_id(fleet, heavy)
        linked = await opened.connection.fetchval("SELECT count(*) FROM lms.group_members WHERE tenant = $1", tenant)
        waiting = await opened.connection.fetchval("SELECT count(*) FROM lms.sent_references WHERE tenant = $1", tenant)
    assert (linked, waiting) == (1_000, 249_000)
    await complete(fleet, heavy)


async def new_group(scim: Scim, name: str, members: Sequence[str]) -> str:
    """Create a group."""
    body = {"schemas": [GROUP], "displayName": name, "members": [{"value": value} for value in members]}
    reply = await scim.post("/Groups", body)
    assert reply.status == 201, reply
    created: str = reply.body["id"]
    return created
