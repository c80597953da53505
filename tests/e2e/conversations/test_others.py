"""OneLogin's template, JumpCloud's probe and PingFederate's comparison of all groups."""

from typing import Any

import pytest

from rollbook_contracts.urns import ENTERPRISE, GROUP, ILMS, USER
from support.conversation import Conversation, body_of, conversation
from support.product import Product

ADA, BOSS = "ada@onelogin.local", "boss@onelogin.local"


class OneLogin:
    """Sends an administrator's template, in which every parameter that is not set is null or empty."""

    def __init__(self, talk: Conversation) -> None:
        self.talk = talk

    async def provisions(self, name: str, unset: str | None) -> str:
        found = await self.talk.looked_up("Users", f'userName eq "{name}"')
        assert found == []
        return str(body_of(await self.talk.scim.post("/Users", self.template(name, unset)), 201)["id"])

    async def updates(self, user: str, name: str, unset: str | None, **changes: Any) -> None:
        body_of(await self.talk.scim.put(f"/Users/{user}", {**self.template(name, unset), **changes}), 200)

    def template(self, name: str, unset: str | None, manager: dict[str, Any] | None = None) -> dict[str, Any]:
        return {
            "schemas": ["urn:scim:schemas:core:1.0", ENTERPRISE],
            "userName": name,
            "externalId": unset,
            "displayName": name.partition("@")[0],
            "title": unset,
            "name": {"givenName": "Ada", "familyName": unset, "formatted": unset},
            "emails": [{"value": name, "type": "work", "primary": True}, {"value": unset, "type": "home"}],
            "phoneNumbers": [{"value": unset, "type": "work"}],
            ENTERPRISE: {"department": unset, "manager": manager or {"value": unset, "displayName": unset}},
            ILMS: {"region": "US-East", "hireDate": unset, "customField1": unset},
        }


@pytest.mark.parametrize("unset", [None, ""], ids=["null", "empty"])
async def test_onelogin(product: Product, unset: str | None) -> None:
    """What is null or empty is absent, the old schema is overlooked, the manager is linked and cleared again."""
    onelogin = OneLogin(await conversation(product))
    boss = await onelogin.provisions(BOSS, unset)
    ada = await onelogin.provisions(ADA, unset)
    assert (await onelogin.talk.tables()).users[ADA]["manager_id"] is None
    manager = {"manager": {"value": boss, "displayName": "The Boss"}, "department": "Sales"}
    await onelogin.updates(ada, ADA, unset, **{ENTERPRISE: manager})
    tables = await onelogin.talk.tables()
    assert tables.column("manager_id") == {ADA: boss, BOSS: None}
    assert tables.column("department") == {ADA: "Sales", BOSS: None}

    await onelogin.updates(ada, ADA, unset)
    await onelogin.updates(boss, BOSS, unset, active=False)
    tables = await onelogin.talk.tables()
    assert tables.column("manager_id") == {ADA: None, BOSS: None}
    assert tables.column("active") == {ADA: True, BOSS: False}
    for column in ("external_id", "family_name", "department", "hire_date", "custom_field1"):
        assert tables.column(column) == {ADA: None, BOSS: None}


class JumpCloud:
    """Knows no extensions, so the region is the tenant's default."""

    def __init__(self, talk: Conversation) -> None:
        self.talk = talk

    def person(self, name: str, **changes: Any) -> dict[str, Any]:
        body = {
            "schemas": [USER],
            "userName": name,
            "name": {"givenName": "Test", "familyName": "User"},
            "emails": [{"value": name, "type": "work", "primary": True}],
            "active": True,
        }
        return {**body, **changes}

    async def probes(self, kind: str, body: dict[str, Any], changed: dict[str, Any]) -> None:
        """Create, read, update, read and delete a test resource, as activation does; then it is gone."""
        created = body_of(await self.talk.scim.post(f"/{kind}", body), 201)
        path = f"/{kind}/{created['id']}"
        await self.talk.shown(kind, created["id"])
        body_of(await self.talk.scim.put(path, {**body, **changed, "id": created["id"]}), 200)
        shown = await self.talk.shown(kind, created["id"])
        assert {name: shown[name] for name in changed} == changed
        body_of(await self.talk.scim.delete(path), 204)
        body_of(await self.talk.scim.get(path), 404)

    async def assigns(self, name: str) -> str:
        return str(body_of(await self.talk.scim.post("/Users", self.person(name)), 201)["id"])

    async def changes_members(self, group: str, op: str, *users: str) -> None:
        operation = {"op": op, "path": "members", "value": [{"value": user} for user in users]}
        body_of(await self.talk.scim.patch(f"/Groups/{group}", operation), 204)


async def test_jumpcloud(product: Product) -> None:
    """Activation probes twice over and leaves nothing; groups lose members as Azure has it."""
    jumpcloud = JumpCloud(await conversation(product, default_region="EMEA"))
    for _ in range(2):
        await jumpcloud.probes("Users", jumpcloud.person("test@jumpcloud.local"), {"active": False})
        await jumpcloud.probes("Groups", {"schemas": [GROUP], "displayName": "Test"}, {"displayName": "Changed"})
    tables = await jumpcloud.talk.tables()
    assert (tables.users, tables.groups) == ({}, {})

    one, other = [await jumpcloud.assigns(f"{name}@jumpcloud.local") for name in ("one", "other")]
    group = body_of(await jumpcloud.talk.scim.post("/Groups", {"schemas": [GROUP], "displayName": "All"}), 201)["id"]
    await jumpcloud.changes_members(group, "add", one, other)
    await jumpcloud.changes_members(group, "remove", one)
    tables = await jumpcloud.talk.tables()
    assert tables.column("region") == {"one@jumpcloud.local": "EMEA", "other@jumpcloud.local": "EMEA"}
    assert tables.groups == {"All": {"other@jumpcloud.local"}}


class PingFederate:
    """Finds groups by listing them all; updates people by PUT."""

    def __init__(self, talk: Conversation) -> None:
        self.talk = talk

    async def all_groups(self, page: int) -> dict[str, str]:
        """Return the ids of all groups by their names, read page by page; none may come twice."""
        found: list[dict[str, Any]] = []
        while True:
            path = f"/Groups?startIndex={len(found) + 1}&count={page}"
            body = body_of(await self.talk.scim.get(path), 200)
            assert body["startIndex"] == len(found) + 1
            found += body["Resources"]
            if len(found) >= body["totalResults"]:
                break
        ids = {group["displayName"]: str(group["id"]) for group in found}
        assert len(ids) == len(found)
        return ids

    async def groups_are(self, wanted: set[str], members: list[str]) -> None:
        """Compare all groups with those wanted; create what is missing, overwrite what is there."""
        there = await self.all_groups(page=5)
        for name in sorted(wanted):
            body = {"schemas": [GROUP], "displayName": name, "members": [{"value": user} for user in members]}
            if name in there:
                body_of(await self.talk.scim.put(f"/Groups/{there[name]}", body), 200)
            else:
                body_of(await self.talk.scim.post("/Groups", body), 201)

    async def provisions(self, name: str, **changes: Any) -> str:
        """Find somebody by a filter with a capital operator; create or overwrite."""
        body = {"schemas": [USER, ILMS], "userName": name, "active": True, ILMS: {"region": "EMEA"}, **changes}
        found = await self.talk.looked_up("Users", f'userName Eq "{name}"')
        if found:
            body_of(await self.talk.scim.put(f"/Users/{found[0]}", body), 200)
            return found[0]
        return str(body_of(await self.talk.scim.post("/Users", body), 201)["id"])


async def test_pingfederate(product: Product) -> None:
    """A second comparison finds all of twelve groups and makes none again; people are overwritten."""
    ping = PingFederate(await conversation(product))
    one, other = [await ping.provisions(name, title="x", displayName=name) for name in ("one", "other")]
    names = {f"Group {number}" for number in range(12)}
    await ping.groups_are(names, [one, other])
    before = await ping.all_groups(page=100)
    assert set(before) == names
    await ping.groups_are(names | {"New"}, [one])
    assert (await ping.all_groups(page=3)).items() > before.items()
    assert await ping.provisions("other", active=False) == other

    tables = await ping.talk.tables()
    assert tables.groups == {name: {"one"} for name in names | {"New"}}
    assert tables.column("active") == {"one": True, "other": False}
    assert tables.column("display_name") == {"one": "one", "other": None}
