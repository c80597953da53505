"""`rollbook groups`, `group show`, `pending` and `tail` as an operator runs them."""

from typing import Any

import pytest

from rollbook_contracts.urns import GROUP
from support.commands import lines, rollbook
from support.people import ada, jo
from support.product import Product, tenant_name
from support.scim import Scim

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def scim(product: Product) -> Scim:
    """Lend a tenant of its own."""
    return await product.new_tenant()


async def learners(scim: Scim, *members: str) -> str:
    body = {"schemas": [GROUP], "displayName": "Learners", "members": [{"value": value} for value in members]}
    reply = await scim.post("/Groups", body)
    assert reply.status == 201, reply
    return str(reply.body["id"])


async def applied(scim: Scim) -> None:
    """Return once the tables show all that was answered."""
    assert (await scim.get("/Users?count=0")).status == 200


async def test_a_group_is_shown_with_who_is_there_and_who_is_waited_for(product: Product, scim: Scim) -> None:
    """In the list, alone, and in what is pending, until the person comes."""
    name = tenant_name(scim)
    person = await scim.created(ada())
    group_id = await learners(scim, person["id"], "jo@okta.local")
    await applied(scim)
    [row] = await lines(product, "groups", "--tenant", name)
    assert (row["tenant_name"], row["display_name"], row["members"], row["waiting"]) == (name, "Learners", 1, 1)
    head, member, waiting = await lines(product, "group", "show", "LEARNERS", "--tenant", name)
    assert (head["kind"], head["id"]) == ("group", group_id)
    assert (member["kind"], member["user_id"], member["user_name"]) == ("member", person["id"], "ada@contoso.com")
    assert (waiting["kind"], waiting["value"]) == ("waiting", "jo@okta.local")
    [pending] = await lines(product, "pending", "--tenant", name)
    assert pending == {
        "tenant_name": name,
        "tenant": row["tenant"],
        "kind": "member",
        "value": "jo@okta.local",
        "holder_id": group_id,
        "holder_name": "Learners",
        "since": pending["since"],
    }
    assert await lines(product, "pending", "--tenant", name, "--older-than", "1h") == []
    assert await lines(product, "pending", "--tenant", name, "--kind", "manager") == []
    await scim.created(jo())
    await applied(scim)
    assert await lines(product, "pending", "--tenant", name) == []
    status, printed, _ = await rollbook(product, "group", "show", group_id)
    assert status == 0
    assert "jo@okta.local" in printed


async def test_a_manager_who_was_deleted_is_told_apart_from_one_who_is_not_there_yet(
    product: Product, scim: Scim
) -> None:
    """The first will never come."""
    name = tenant_name(scim)
    boss = await scim.created(jo())
    person = await scim.created(ada())
    path = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"
    assert (await scim.patch(f"/Users/{person['id']}", {"op": "Add", "path": path, "value": boss["id"]})).status == 200
    await applied(scim)
    assert await lines(product, "pending", "--tenant", name, "--deleted") == []
    assert (await scim.delete(f"/Users/{boss['id']}")).status == 204
    await applied(scim)
    assert await lines(product, "pending", "--tenant", name) == []
    [gone] = await lines(product, "pending", "--tenant", name, "--deleted")
    assert (gone["kind"], gone["value"], gone["state"]) == ("manager", boss["id"], "target deleted")
    assert gone["holder_name"] == "Ada L"


async def test_tail_tells_of_groups_members_and_managers(product: Product, scim: Scim) -> None:
    """By name and id; a script finds the ids."""
    name = tenant_name(scim)
    person = await scim.created(ada())
    group_id = await learners(scim, person["id"])
    await applied(scim)
    arguments = ("tail", "--since", "1", "--no-follow", "--tenant", name)

    async def changes() -> list[dict[str, Any]]:
        return [row for row in await lines(product, *arguments) if row["resource"] == group_id]

    found: list[dict[str, Any]] = []
    while len(found) < 2:  # the relay publishes soon after the tables show it
        found = await changes()
    assert [row["type"] for row in found] == ["group.created.v1", "group.members_added.v1"]
    assert found[1]["members"] == [person["id"]]
    _, printed, _ = await rollbook(product, *arguments)
    assert f"group.created  Learners ({group_id})" in printed
    assert f"group.members_added  Learners ({group_id}): ada@contoso.com ({person['id']})" in printed


async def test_wrong_usage_names_what_is_possible(product: Product) -> None:
    """Exit status 2, and 1 for what is not there."""
    status, _, said = await rollbook(product, "pending", "--kind", "shoe")
    assert (status, "use member or manager" in said) == (2, True)
    status, _, said = await rollbook(product, "pending", "--older-than", "soon")
    assert (status, "90s, 15m, 1h30m or 2d" in said) == (2, True)
    status, _, said = await rollbook(product, "group", "show", "no such group")
    assert (status, "There is no group 'no such group'" in said) == (1, True)
