"""Groups, members and people's groups as they are read right after writes, over two gateways and a projector."""

from typing import Any

import pytest

from rollbook_contracts.urns import ENTERPRISE
from support.people import somebody
from support.product import Product
from support.scim import Reply, Scim


@pytest.fixture
async def gateways(product: Product) -> tuple[Scim, Scim]:
    """Lend a tenant of its own at two gateways: one to write at, one to read at."""
    writer = await product.new_tenant(regions=("US-East",))
    return writer, product.at(writer, 1)


async def created(scim: Scim, name: str, *members: str, **values: Any) -> str:
    """Create a group; return its id."""
    reply = await scim.post(
        "/Groups", {"displayName": name, "members": [{"value": member} for member in members], **values}
    )
    assert reply.status == 201, reply
    return str(reply.body["id"])


def add(*values: str) -> dict[str, Any]:
    return {"op": "Add", "path": "members", "value": [{"value": value} for value in values]}


def ids(reply: Reply) -> list[str]:
    """Return whom a list holds."""
    assert reply.status == 200, reply
    return [found["id"] for found in reply.body["Resources"]]


def values(reply: Reply) -> list[str]:
    """Return a group's members."""
    assert reply.status == 200, reply
    return [member["value"] for member in reply.body.get("members", [])]


async def test_members_are_seen_at_once_by_every_read(gateways: tuple[Scim, Scim]) -> None:
    """What one gateway answered is in the other's group, list, filters and people, one read after the other."""
    writer, reader = gateways
    people = [str((await writer.created(somebody(number)))["id"]) for number in range(3)]
    group = await created(writer, "Learners", people[0])
    for number, person in enumerate(people[1:], 2):
        assert (await writer.patch(f"/Groups/{group}", add(person))).status == 204

        assert values(await reader.get(f"/Groups/{group}")) == sorted(people[:number])
        assert ids(await reader.get(f'/Groups?filter=members+eq+"{person}"')) == [group]
        assert ids(await reader.get(f'/Users?filter=groups+eq+"{group}"')) == sorted(people[:number])
        shown = await reader.get(f"/Users/{person}")
        assert shown.body["groups"] == [
            {"value": group, "$ref": f"{reader.tenant_url}/Groups/{group}", "display": "Learners", "type": "direct"}
        ]
        assert (await reader.get(f"/Users?filter=id+eq+%22{person}%22")).body["Resources"] == [shown.body]


async def test_whom_a_value_names_is_a_member_under_both_names(gateways: tuple[Scim, Scim]) -> None:
    """A member waits under the value that was sent, and is found by it and by the id once the person is there."""
    writer, reader = gateways
    group = await created(writer, "Learners", "p7@contoso.com", "nobody@contoso.com")
    assert (await reader.get(f"/Groups/{group}")).body["members"] == [
        {"value": "nobody@contoso.com", "type": "User"},
        {"value": "p7@contoso.com", "type": "User"},
    ]

    person = await writer.created(somebody(7, displayName='P "7"'))

    assert (await reader.get(f"/Groups/{group}")).body["members"] == [
        {
            "value": person["id"],
            "$ref": f"{reader.tenant_url}/Users/{person['id']}",
            "type": "User",
            "display": 'P "7"',
        },
        {"value": "nobody@contoso.com", "type": "User"},
    ]
    for value in (person["id"], "p7@contoso.com"):
        assert ids(await reader.get(f'/Groups?filter=id+eq+"{group}"+and+members[value+eq+"{value}"]')) == [group]
    assert (await reader.get(f"/Users/{person['id']}")).body["groups"][0]["value"] == group

    assert (await writer.delete(f"/Users/{person['id']}")).status == 204
    assert values(await reader.get(f"/Groups/{group}")) == ["nobody@contoso.com"]


async def test_manager_is_matched_by_the_linked_id(gateways: tuple[Scim, Scim]) -> None:
    """M07: a manager who was sent by a name is found by the name and by the id; the person shows what was sent."""
    writer, reader = gateways
    person = await writer.created(somebody(1, **{ENTERPRISE: {"manager": "p2@contoso.com"}}))
    manager = await writer.created(somebody(2))

    for value in ("p2@contoso.com", manager["id"]):
        found = await reader.get(f'/Users?filter=id+eq+"{person["id"]}"+and+manager+eq+"{value}"')
        assert ids(found) == [person["id"]]
        assert found.body["Resources"][0][ENTERPRISE]["manager"] == {"value": "p2@contoso.com"}


async def test_lists_are_cut_into_pages(gateways: tuple[Scim, Scim]) -> None:
    """G18: pages follow one another in the order of the ids, with members or without; a deleted group is on none."""
    writer, reader = gateways
    person = str((await writer.created(somebody(1)))["id"])
    groups = sorted([await created(writer, f"G{number}", person) for number in range(5)])
    assert (await writer.delete(f"/Groups/{groups[2]}")).status == 204
    del groups[2]

    for parameters in ("", "&excludedAttributes=members"):
        found = []
        for start in (1, 3):
            reply = await reader.get(f"/Groups?startIndex={start}&count=2{parameters}")
            assert (reply.body["totalResults"], reply.body["itemsPerPage"]) == (4, 2)
            assert {tuple(values_of(group)) for group in reply.body["Resources"]} == {() if parameters else (person,)}
            found += ids(reply)
        assert found == groups
    assert [one["value"] for one in (await reader.get(f"/Users/{person}")).body["groups"]] == groups


def values_of(group: dict[str, Any]) -> list[str]:
    """Return the members in a list's group."""
    return [member["value"] for member in group.get("members", [])]
