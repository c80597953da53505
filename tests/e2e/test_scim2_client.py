"""A newcomer's script with the public library scim2-client, as its documentation shows it, works unchanged."""

import asyncio
from typing import Any

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import PatchOp

from support.conversation import conversation
from support.product import Product


def newcomers_script(tenant_url: str, token: str) -> None:
    """Create, query, modify and delete people and groups; one of each stays."""
    client = Client(base_url=tenant_url, headers={"Authorization": f"Bearer {token}"})
    scim = SyncSCIMClient(client)
    scim.discover()
    people(scim, scim.get_resource_model("User"))
    groups(scim, scim.get_resource_model("User"), scim.get_resource_model("Group"))
    client.close()


def change(scim: SyncSCIMClient, model: Any, resource_id: str, **operation: Any) -> Any:
    """Modify a resource with one operation."""
    return scim.modify(model, resource_id, PatchOp[model].model_validate({"operations": [operation]}))


def people(scim: SyncSCIMClient, model: Any) -> None:
    """Do everything with two people; Barbara stays."""
    user: Any = scim.create(model(user_name="bjensen@example.com", display_name="Barbara"))
    other: Any = scim.create(model(user_name="other@example.com"))
    assert scim.query(model, user.id).display_name == "Barbara"
    found: Any = scim.query(model, query_parameters={"filter": 'userName eq "bjensen@example.com"'})
    assert [person.id for person in found.resources] == [user.id]

    user.display_name = "Babs Jensen"
    replaced: Any = scim.replace(user)
    assert replaced.display_name == "Babs Jensen"
    modified = change(scim, model, user.id, op="replace", path="title", value="Guide")
    assert (modified.title, modified.display_name) == ("Guide", "Babs Jensen")

    scim.delete(model, other.id)
    everybody: Any = scim.query(model)
    assert [person.id for person in everybody.resources] == [user.id]


def groups(scim: SyncSCIMClient, user_model: Any, model: Any) -> None:
    """Do everything with two groups; Barbara's stays."""
    everybody: Any = scim.query(user_model)
    [user] = everybody.resources
    group: Any = scim.create(model(display_name="Tour Guides", members=[{"value": user.id}]))
    spare: Any = scim.create(model(display_name="Spare"))
    assert scim.query(model, group.id).members[0].value == user.id

    change(scim, model, spare.id, op="add", path="members", value=[{"value": user.id}])
    assert scim.query(model, spare.id).members[0].value == user.id
    change(scim, model, group.id, op="replace", path="displayName", value="Guides")
    assert scim.query(model, group.id).display_name == "Guides"
    scim.delete(model, spare.id)
    remaining: Any = scim.query(model)
    assert [found.id for found in remaining.resources] == [group.id]


async def test_a_newcomers_script_works(product: Product) -> None:
    """Against a tenant with open values and a default region; the tables have what the script left."""
    talk = await conversation(product, regions=(), departments=(), default_region="EMEA")
    await asyncio.to_thread(newcomers_script, talk.scim.tenant_url, talk.scim.token)

    tables = await talk.tables()
    assert tables.column("display_name") == {"bjensen@example.com": "Babs Jensen"}
    assert tables.column("region") == {"bjensen@example.com": "EMEA"}
    assert tables.groups == {"Guides": {"bjensen@example.com"}}
