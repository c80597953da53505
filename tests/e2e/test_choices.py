"""What docs/idp.md says was chosen where a request leaves a choice, as a client meets it."""

from typing import Any

import pytest

from rollbook_contracts.urns import ENTERPRISE
from support.people import ada
from support.product import Product
from support.scim import Scim


@pytest.fixture
async def scim(product: Product) -> Scim:
    """Lend a tenant of its own."""
    return await product.new_tenant(default_region="EMEA")


async def test_blanks_around_a_name_make_no_other_person(scim: Scim) -> None:
    """The name is stored as it was sent and belongs to one person, whom filters and references find without them."""
    sent = ada(userName="Ada@contoso.com ", emails=None)
    created = await scim.created(sent)
    assert created["userName"] == "Ada@contoso.com "
    again = await scim.post("/Users", ada(userName=" ada@contoso.com", externalId="other", emails=None))
    assert (again.status, again.body["scimType"]) == (409, "uniqueness")
    for name in ("ada@contoso.com", "ADA@contoso.com ", "\u3000ada@contoso.com"):
        assert [found["id"] for found in await scim.find(f'userName eq "{name}"')] == [created["id"]]

    group = await scim.post("/Groups", {"displayName": "G", "members": [{"value": "ada@contoso.com"}]})
    assert [shown["value"] for shown in (await scim.get(f"/Groups/{group.body['id']}")).body["members"]] == [
        created["id"]
    ]
    assert (await scim.put(f"/Users/{created['id']}", {**sent, "userName": "ada@contoso.com"})).status == 200
    assert (await scim.delete(f"/Users/{created['id']}")).status == 204
    assert (await scim.post("/Users", sent)).status == 201


async def test_elements_and_managers_as_they_are_meant(scim: Scim) -> None:
    """What stands in docs/idp.md of elements, values, references and removals holds over HTTP."""
    boss = await scim.created(ada(userName="boss", externalId="b", emails=None))
    manager = {"$ref": f"{scim.tenant_url}/Users/{boss['id']}"}
    hollow = {"type": "work", "value": ""}
    created = await scim.created(
        ada(
            userName="jo",
            externalId="j",
            emails=[hollow],
            title=[{"$ref": None, "value": 7}],
            **{ENTERPRISE: {"manager": manager}},
        )
    )
    path = f"/Users/{created['id']}"
    assert ("emails" in created, created["title"]) == (False, "7")
    assert [found["id"] for found in await scim.find(f'manager eq "{boss["id"]}"')] == [created["id"]]

    home, work = {"value": "jo@home", "type": "home"}, {"value": "jo@work", "type": "work", "primary": True}
    added: list[dict[str, Any]] = [
        {"op": "add", "path": "emails", "value": [home, work]},
        {"op": "add", "path": "emails", "value": {"value": "JO@work"}},
    ]
    assert (await scim.patch(path, *added)).body["emails"] == [home, work]
    assert [found["id"] for found in await scim.find('emails[primary eq false and value eq "jo@home"]')] == [
        created["id"]
    ]
    removed = {"op": "remove", "path": "name", "value": {"formatted": "Ada L"}}
    assert (await scim.patch(path, removed)).body["name"] == {"familyName": "L", "givenName": "Ada"}
    for refused, scim_type in (
        ({"op": "replace", "path": "emails[type eq 'work'].value", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": 'emails[value eq "nobody"].type', "value": "x"}, "noTarget"),
        ({"op": "remove", "path": "userName"}, "mutability"),
    ):
        reply = await scim.patch(path, refused)
        assert (reply.status, reply.body["scimType"]) == (400, scim_type)
    assert (await scim.get("/Users?filter=userName+eq+'jo'")).body["scimType"] == "invalidFilter"
    replaced = {"op": "replace", "path": "emails[type eq home]", "value": None}
    assert (await scim.patch(path, replaced)).body["emails"] == [work]

    group = (await scim.post("/Groups", {"displayName": "G", "members": [{"value": boss["id"]}]})).body
    reply = await scim.patch(f"/Groups/{group['id']}", {"op": "remove", "path": f"members[value eq {boss['id']}]"})
    assert reply.status == 204
    assert "members" not in (await scim.get(f"/Groups/{group['id']}")).body


async def test_active_is_always_shown_and_silence_changes_nothing(scim: Scim) -> None:
    """Whoever was created without it is active in every read and filter; a leaver stays one until somebody says so."""
    created = await scim.created(ada(active=None))
    path = f"/Users/{created['id']}"
    assert created["active"] is True
    assert (await scim.get(path)).body["active"] is True
    assert [found["active"] for found in await scim.find("active eq true")] == [True]

    await scim.patch(path, {"op": "replace", "path": "active", "value": False})
    for sent in (None, ""):
        assert (await scim.put(path, ada(active=sent, title=f"Left {sent!r}"))).body["active"] is False
        for operation in ({"path": "active", "value": sent}, {"value": {"active": sent, "nickName": f"{sent!r}"}}):
            assert (await scim.patch(path, {"op": "replace", **operation})).body["active"] is False
    assert (await scim.patch(path, {"op": "remove", "path": "active"})).body["active"] is False
    assert await scim.find("active eq true") == []
    assert [found["active"] for found in await scim.find("active eq false")] == [False]
    assert (await scim.put(path, ada())).body["active"] is True
