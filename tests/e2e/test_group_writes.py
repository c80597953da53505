"""Writing groups through the real product: what is answered, and what stands in the log afterwards."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from rollbook_contracts import subjects
from rollbook_contracts.facts.catalog import Fact
from rollbook_contracts.facts.codec import decode_fact
from rollbook_contracts.facts.membership import MembersAdded, MembersClosed
from rollbook_contracts.identifiers import new_id
from rollbook_contracts.partitions import partition_of
from rollbook_contracts.urns import GROUP
from rollbook_gateway.log.port import Stored
from support.product import Product, tenant_name
from support.scim import Reply, Scim


@pytest.fixture
async def scim(product: Product) -> Scim:
    """Lend a tenant of its own."""
    return await product.new_tenant()


def group(name: str = "Learners", **changes: Any) -> dict[str, Any]:
    return {"schemas": [GROUP], "displayName": name, **changes}


def add(*values: str) -> dict[str, Any]:
    return {"op": "Add", "path": "members", "value": [{"$ref": None, "value": value} for value in values]}


def remove(value: str) -> dict[str, Any]:
    return {"op": "remove", "path": f'members[value eq "{value}"]'}


async def created(scim: Scim, **changes: Any) -> str:
    """Create a group; return its id."""
    reply = await scim.post("/Groups", group(**changes))
    assert reply.status == 201, reply
    return str(reply.body["id"])


async def tenant_of(product: Product, scim: Scim) -> str:
    """Return the id of a client's tenant."""
    row = await product.tenants().get(tenant_name(scim))
    return str(row.tenant)


async def on_members(product: Product, scim: Scim, group_id: str) -> list[tuple[Stored, Fact]]:
    """Return what stands on a members' subject, in order."""
    tenant = await tenant_of(product, scim)
    partition = partition_of(tenant, product.partitions)
    subject = subjects.group_members(partition, tenant, group_id)
    found = []
    for sequence in range(1, await product.log.head(partition) + 1):
        stored = await product.log.at(partition, sequence)
        if stored is not None and stored.subject == subject:
            found.append((stored, decode_fact(stored.headers, stored.body)))
    return found


async def test_group_is_created_and_answered_as_sent(scim: Scim) -> None:
    """POST answers 201 with id, meta, ETag, Location and the members that were sent, linked or not."""
    user_id = new_id("usr")
    reply = await scim.post(
        "/Groups", group(externalId="e1", members=[{"value": user_id, "display": "x"}, {"value": "jo"}])
    )

    assert reply.status == 201
    body = reply.body
    assert (body["displayName"], body["externalId"], body["schemas"]) == ("Learners", "e1", [GROUP])
    assert body["members"] == [
        {"value": user_id, "$ref": f"{scim.tenant_url}/Users/{user_id}", "type": "User"},
        {"value": "jo", "type": "User"},
    ]
    assert reply.headers["ETag"] == body["meta"]["version"]
    assert reply.headers["Location"] == body["meta"]["location"] == f"{scim.tenant_url}/Groups/{body['id']}"
    without = await scim.get(f"/Groups/{body['id']}?excludedAttributes=members")
    assert without.status == 200
    assert without.body == {name: part for name, part in body.items() if name != "members"}


async def test_all_forms_of_patch_are_204(scim: Scim) -> None:
    """Deltas, replacements, names and mixtures of them answer 204 without a body."""
    path = f"/Groups/{await created(scim, members=[])}"
    for operations in (
        [add("u1")],
        [add("u1", "u2"), add("u3")],
        [{"op": "Remove", "path": "members", "value": [{"$ref": None, "value": "u1"}]}],
        [remove("u1")],
        [{"op": "Remove", "path": "members", "value": []}],
        [add("u1"), remove("u1")],
        [{"op": "replace", "path": "members", "value": [{"value": "u1"}]}],
        [{"op": "replace", "value": {"displayName": "New", "externalId": "x"}}],
        [{"op": "replace", "value": {"id": path[8:], "displayName": "Renamed"}}],
        [{"op": "replace", "value": {"displayName": "Both", "members": [{"value": "u9"}]}}, add("u8")],
        [{"op": "remove", "path": "members"}],
    ):
        reply: Reply = await scim.patch(path, *operations)
        assert (reply.status, reply.body) == (204, None), operations


async def test_64_adds_at_once_over_two_gateways_are_all_kept(product: Product, scim: Scim) -> None:
    """Each of 64 one-member adds is answered 204; the log names each member exactly once."""
    group_id = await created(scim)
    clients = [product.at(scim, 0), product.at(scim, 1)]
    replies = await asyncio.gather(
        *(clients[number % 2].patch(f"/Groups/{group_id}", add(f"u{number}")) for number in range(64))
    )

    assert Counter(reply.status for reply in replies) == {204: 64}
    facts = await on_members(product, scim, group_id)
    values = Counter(value for _, fact in facts if isinstance(fact, MembersAdded) for value in fact.values)
    assert values == {f"u{number}": 1 for number in range(64)}
    previous = 0
    for stored, _ in facts:
        prev = int(stored.headers["ce-prev"])
        assert previous == (prev if prev >= 0 else stored.sequence + prev)
        previous = stored.sequence


async def test_deleted_group_is_404_and_its_name_is_free(product: Product, scim: Scim) -> None:
    """After a deletion every request on the group is 404, at both gateways; another group may take the name."""
    group_id = await created(scim, members=[{"value": "u1"}])
    path = f"/Groups/{group_id}"
    assert (await product.at(scim, 1).patch(path, add("u2"))).status == 204

    assert (await scim.delete(path)).status == 204
    for client in (scim, product.at(scim, 1)):
        assert (await client.patch(path, add("u3"))).status == 404
        assert (await client.patch(path, {"op": "Remove", "path": "members", "value": []})).status == 404
        assert (await client.patch(path, {"op": "replace", "path": "displayName", "value": "x"})).status == 404
        assert (await client.put(path, group())).status == 404
        assert (await client.get(f"{path}?excludedAttributes=members")).status == 404
        assert (await client.delete(path)).status == 404
    assert isinstance((await on_members(product, scim, group_id))[-1][1], MembersClosed)
    assert (await scim.post("/Groups", group())).status == 201
