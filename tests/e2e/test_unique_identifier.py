"""The unique identifier of an organization changes while its people are there, and while gateways write."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import msgspec
import pytest

from rollbook.control.applied import wait_until_applied
from rollbook.control.tenants import Tenants
from rollbook.control.unfinished import finish_changes
from rollbook.control.unique_identifier import (
    _CHANGE_LOCK,
    QUIET_SECONDS,
    IdentifiersCollideError,
    UniqueIdentifierChange,
)
from rollbook.roots.operator import log_connection, now
from rollbook_contracts import subjects
from rollbook_contracts.facts.codec import decode_fact
from rollbook_contracts.facts.tenant import TenantFact
from rollbook_contracts.identifiers import new_id
from rollbook_contracts.partitions import partition_of
from rollbook_contracts.settings import TenantSettings
from rollbook_contracts.urns import ENTERPRISE, ILMS
from rollbook_gateway.requests.decision_loop import DecisionLoop
from rollbook_projector.replay.verify import verify
from support.evidence import entries
from support.product import Product, tenant_name
from support.scim import Scim

SHORT = 0.05
"""Enough for gateways that hear of new rules at once, in tests where none of them writes meanwhile."""
STEPS = 5
"""How often a change says what it does."""


class CommandDiedError(Exception):
    """An operator's command ended where it was."""


def worker(number: int, **attributes: Any) -> dict[str, Any]:
    """Return a person with an e-mail address and an employee number."""
    return {
        "userName": f"worker{number}@contoso.com",
        "emails": [{"value": f"worker{number}@contoso.com", "type": "work", "primary": True}],
        ENTERPRISE: {"employeeNumber": f"E{number}"},
        ILMS: {"region": "EMEA"},
        **attributes,
    }


def change_of(
    product: Product,
    *,
    quiet: float = SHORT,
    told: Callable[[str], None] = lambda _: None,
    connection: asyncpg.Connection | None = None,
) -> UniqueIdentifierChange:
    """Return what changes identifiers, on a connection of its own or on that of the test."""
    database = connection or product.database
    return UniqueIdentifierChange(
        Tenants(product.log, database, partitions=product.partitions, new_id=new_id, now=now),
        product.log,
        database,
        DecisionLoop(product.log, product.stack.claim_key, now),
        new_id,
        product.partitions,
        quiet,
        told,
    )


def dying(step: int) -> Callable[[str], None]:
    """Return a listener that ends the command at its so-many-th sentence."""
    steps = itertools.count(1)

    def told(sentence: str) -> None:
        if next(steps) == step:
            raise CommandDiedError(sentence)

    return told


async def settings_of(product: Product, scim: Scim) -> TenantSettings:
    return (await product.tenants().get(tenant_name(scim))).settings


async def findings(product: Product, scim: Scim) -> list[str]:
    """Return what `verify` finds wrong with a tenant."""
    tenant = (await product.tenants().get(tenant_name(scim))).tenant
    async with log_connection(product.stack) as client:
        stack, partitions = product.stack, product.partitions
        found = verify(client, stack.database_url, claim_key=stack.claim_key, partitions=partitions)
        return [finding.what async for finding in found if finding.tenant == tenant]


async def identifier_claims(product: Product, scim: Scim) -> list[tuple[str, str]]:
    """Return which identifiers are claimed by whom, from the claims on the log alone."""
    tenant = (await product.tenants().get(tenant_name(scim))).tenant
    partition = partition_of(tenant, product.partitions)
    await wait_until_applied(product.database, partition, await product.log.head(partition))
    held: dict[str, str] = {}
    async with log_connection(product.stack) as client:
        stream = f"PROVISIONING-{partition:02d}"
        for entry in await entries(client, stream, f"claim.{partition:02d}.{tenant}.identifier.*"):
            if entry.headers["ce-type"] == "claim.taken.v1":
                held[entry.subject] = entry.body["holder"]
            else:
                del held[entry.subject]
    digest = product.stack.claim_key.digest
    rows = await product.database.fetch("SELECT id, email_folded, employee_id FROM lms.users WHERE tenant = $1", tenant)
    kinds = {
        digest(tenant, f"identifier:{kind}", row[column]): kind
        for row in rows
        for kind, column in (("email", "email_folded"), ("employee-id", "employee_id"))
        if row[column]
    }
    return sorted((kinds.get(subject.rpartition(".")[2], "?"), holder) for subject, holder in held.items())


async def test_people_are_unique_by_the_new_identifier_and_no_longer_by_the_old(product: Product) -> None:
    """After the change a taken number is 409 and a taken address is not; nobody's values changed."""
    scim = await product.new_tenant(regions=("EMEA",))
    people = [await scim.created(worker(number)) for number in range(100)]

    row = await change_of(product).to(tenant_name(scim), "employee-id")

    assert row.settings.claimed_identifiers == ("employee-id",)
    assert row.settings.former_unique_identifier is msgspec.UNSET
    assert await identifier_claims(product, scim) == sorted(("employee-id", person["id"]) for person in people)
    assert await findings(product, scim) == []
    for person in people:
        reply = await scim.get(f"/Users/{person['id']}")
        assert {**reply.body, "meta": None} == {**person, "meta": None}
    twin = worker(3, userName="twin@contoso.com")
    reply = await product.at(scim, 1).post("/Users", twin)
    assert (reply.status, reply.body["scimType"]) == (409, "uniqueness")
    assert "employeeNumber 'E3' already belongs" in reply.body["detail"]
    assert (await product.at(scim, 1).post("/Users", {**twin, ENTERPRISE: {"employeeNumber": "E300"}})).status == 201


async def test_a_change_and_back_again_leaves_what_was(product: Product) -> None:
    """The way back is the same way; what the people hold in the end is what they held at first."""
    scim = await product.new_tenant(regions=("EMEA",))
    for number in range(5):
        await scim.created(worker(number))
    before = await identifier_claims(product, scim)

    await change_of(product).to(tenant_name(scim), "employee-id")
    await change_of(product).to(tenant_name(scim), "email")

    assert await settings_of(product, scim) == TenantSettings(regions=("EMEA",))
    assert await identifier_claims(product, scim) == before
    assert await findings(product, scim) == []


async def test_consumers_hear_nothing_of_claims(product: Product) -> None:
    """A change of the identifier is no change of a person: none is published, and the next one follows the last."""
    scim = await product.new_tenant(regions=("EMEA",))
    person = await scim.created(worker(1))
    created = (await product.row(person))["last_change"]

    await change_of(product).to(tenant_name(scim), "employee-id")

    reply = await scim.get(f"/Users/{person['id']}")
    assert (await product.row(reply.body))["last_change"] == created
    reply = await scim.patch(f"/Users/{person['id']}", {"op": "replace", "path": "title", "value": "Countess"})
    updated = (await product.row(reply.body))["last_change"]
    async with log_connection(product.stack) as client, asyncio.timeout(10):
        while len(told := await entries(client, "CHANGES", f"lms.*.user.{person['id']}")) < 2:  # noqa: ASYNC110  # the relay puts them there
            await asyncio.sleep(0.02)
    assert [(change.headers["ce-type"], change.body["version"], change.body.get("previous")) for change in told] == [
        ("user.created.v1", created, None),
        ("user.updated.v1", updated, created),
    ]


async def test_people_who_collide_are_listed_and_nothing_changes(product: Product) -> None:
    """Two share a number: the change is refused with both, and the log has no fact of it."""
    scim = await product.new_tenant(regions=("EMEA",))
    await scim.created(worker(1))
    await scim.created(worker(2))
    await scim.created(worker(3, **{ENTERPRISE: {"employeeNumber": "E1"}, "active": False}))
    tenant = (await product.tenants().get(tenant_name(scim))).tenant
    partition = partition_of(tenant, product.partitions)
    before = await product.log.last(partition, subjects.tenant_facts(partition, tenant))

    with pytest.raises(IdentifiersCollideError) as refused:
        await change_of(product).to(tenant_name(scim), "employee-id")

    assert [(found.value, found.user_name, found.active) for found in refused.value.collisions] == [
        ("E1", "worker1@contoso.com", True),
        ("E1", "worker3@contoso.com", False),
    ]
    assert await product.log.last(partition, subjects.tenant_facts(partition, tenant)) == before


async def test_a_collision_found_on_the_way_takes_the_change_back(product: Product) -> None:
    """Who came to collide after the first look is found by the back-fill: all is as it was, and they are listed."""
    scim = await product.new_tenant(regions=("EMEA",))
    people = [await scim.created(worker(number)) for number in range(3)]
    people.append(await scim.created(worker(9, **{ENTERPRISE: {"employeeNumber": "E1"}})))
    await product.tenants().set_identifiers(tenant_name(scim), now="email", upcoming="employee-id")

    with pytest.raises(IdentifiersCollideError) as refused:
        await change_of(product).to(tenant_name(scim), "employee-id")

    assert [found.user_name for found in refused.value.collisions] == ["worker1@contoso.com", "worker9@contoso.com"]
    assert await settings_of(product, scim) == TenantSettings(regions=("EMEA",))
    assert await identifier_claims(product, scim) == sorted(("email", person["id"]) for person in people)
    assert await findings(product, scim) == []


@contextlib.asynccontextmanager
async def left_alone(product: Product, scim: Scim) -> AsyncIterator[None]:
    """Keep the product's gateways, which look for half-done changes now and then, from finishing this tenant's."""
    tenant = await product.database.fetchval("SELECT tenant FROM control.tenants WHERE name = $1", tenant_name(scim))
    await product.database.execute("SELECT pg_advisory_lock($1, hashtext($2))", _CHANGE_LOCK, tenant)
    try:
        yield
    finally:
        await product.database.execute("SELECT pg_advisory_unlock($1, hashtext($2))", _CHANGE_LOCK, tenant)


@pytest.mark.parametrize("step", range(1, STEPS))
async def test_whoever_comes_after_a_crash_finishes_the_change(product: Product, step: int) -> None:
    """A command that dies at any step leaves people unique by what is in force; the next one goes on from there."""
    scim = await product.new_tenant(regions=("EMEA",))
    async with left_alone(product, scim):
        people = [await scim.created(worker(number)) for number in range(20)]
        with pytest.raises(CommandDiedError):
            await change_of(product, told=dying(step)).to(tenant_name(scim), "employee-id")
        assert await findings(product, scim) == []
        unique = "emails" if (await settings_of(product, scim)).unique_identifier == "email" else ENTERPRISE
        twin = worker(99, **{unique: worker(3)[unique]})
        assert (await scim.post("/Users", twin)).status == 409
        people.append(await scim.created(worker(20)))
        await scim.patch(
            f"/Users/{people[0]['id']}", {"op": "replace", "path": f"{ENTERPRISE}:employeeNumber", "value": "N"}
        )
        await scim.delete(f"/Users/{people.pop(1)['id']}")
        assert await findings(product, scim) == []

        row = await change_of(product).resume(tenant_name(scim))

        assert row is not None
        assert row.settings == TenantSettings(regions=("EMEA",), unique_identifier="employee-id")
        assert await identifier_claims(product, scim) == sorted(("employee-id", person["id"]) for person in people)
        assert await findings(product, scim) == []


async def test_a_change_that_was_begun_can_be_taken_back(product: Product) -> None:
    """After a crash the operator may want the old identifier after all."""
    scim = await product.new_tenant(regions=("EMEA",))
    async with left_alone(product, scim):
        people = [await scim.created(worker(number)) for number in range(3)]
        with pytest.raises(CommandDiedError):
            await change_of(product, told=dying(2)).to(tenant_name(scim), "employee-id")

        row = await change_of(product).to(tenant_name(scim), "email")

        assert row.settings == TenantSettings(regions=("EMEA",))
        assert await identifier_claims(product, scim) == sorted(("email", person["id"]) for person in people)
        assert await findings(product, scim) == []


async def test_gateways_finish_what_a_dead_command_began(product: Product) -> None:
    """Nobody needs to know of the crash: the change is found and finished, whoever is at one is left alone."""
    scim = await product.new_tenant(regions=("EMEA",))
    await scim.created(worker(1))
    with pytest.raises(CommandDiedError):
        await change_of(product, told=dying(2)).to(tenant_name(scim), "employee-id")
    finishing = asyncio.create_task(
        finish_changes(
            product.stack.database_url, lambda connection: change_of(product, connection=connection), every=0.05
        )
    )
    settled = TenantSettings(regions=("EMEA",), unique_identifier="employee-id")
    try:
        async with asyncio.timeout(20):
            while await settings_of(product, scim) != settled:  # noqa: ASYNC110  # a task of its own settles it
                await asyncio.sleep(0.02)
    finally:
        finishing.cancel()
    assert await findings(product, scim) == []


@pytest.mark.timeout(180)
async def test_numbers_are_never_given_twice_while_gateways_write(product: Product) -> None:
    """Two gateways create, change and delete all through the change: nobody who was answered 2xx shares a number."""
    scim = await product.new_tenant(regions=("EMEA",))
    gateways = [product.at(scim, 0), product.at(scim, 1)]
    for number in range(50):
        await scim.created(worker(number))
    done = asyncio.Event()
    numbers = itertools.count(1000)

    async def write(gateway: Scim) -> None:
        while not done.is_set():
            number = next(numbers)
            created = await gateway.post("/Users", worker(number))
            assert created.status == 201, created
            twin = worker(number, userName=f"twin{number}@contoso.com", emails=[])
            assert (await gateways[number % 2].post("/Users", twin)).status in {201, 409}
            moved = {"op": "replace", "path": f"{ENTERPRISE}:employeeNumber", "value": f"M{number}"}
            assert (await gateway.patch(f"/Users/{created.body['id']}", moved)).status == 200
            if number % 5 == 0:
                assert (await gateways[number % 2].delete(f"/Users/{created.body['id']}")).status == 204

    async with asyncio.TaskGroup() as group:
        for gateway in gateways * 2:
            group.create_task(write(gateway))
        try:
            refused = await changed_at_last(product, scim)
        finally:
            done.set()

    assert await settings_of(product, scim) == TenantSettings(regions=("EMEA",), unique_identifier="employee-id")
    assert await findings(product, scim) == []
    tenant = (await product.tenants().get(tenant_name(scim))).tenant
    shared = await product.database.fetch(
        "SELECT employee_id FROM lms.users WHERE tenant = $1 GROUP BY employee_id HAVING count(*) > 1", tenant
    )
    assert shared == [], refused


async def changed_at_last(product: Product, scim: Scim) -> int:
    """Change the identifier with the product's own patience; return how often twins were in the way."""
    for refused in itertools.count():
        with contextlib.suppress(IdentifiersCollideError):
            await change_of(product, quiet=QUIET_SECONDS).to(tenant_name(scim), "employee-id")
            return refused
    raise AssertionError("it counts for ever")


async def test_the_facts_of_a_change_are_kept_in_the_log(product: Product) -> None:
    """The tenant's facts tell the change step by step."""
    scim = await product.new_tenant(regions=("EMEA",))
    await change_of(product).to(tenant_name(scim), "employee-id")

    tenant = (await product.tenants().get(tenant_name(scim))).tenant
    partition = partition_of(tenant, product.partitions)
    steps = []
    async with log_connection(product.stack) as client:
        for entry in await entries(client, f"PROVISIONING-{partition:02d}", subjects.tenant_facts(partition, tenant)):
            stored = await product.log.at(partition, entry.sequence)
            assert stored is not None
            fact = decode_fact(stored.headers, stored.body)
            assert isinstance(fact, TenantFact)
            settings = fact.settings
            steps.append(
                (
                    settings.unique_identifier,
                    settings.next_unique_identifier or None,
                    settings.former_unique_identifier or None,
                )
            )
    assert steps == [
        ("email", None, None),
        ("email", "employee-id", None),
        ("employee-id", None, "email"),
        ("employee-id", None, None),
    ]
