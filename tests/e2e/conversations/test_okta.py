"""Okta's two kinds of apps: the wizard's, which sends PUT for everything, and the integration network's with PATCH."""

from typing import Any
from urllib.parse import quote

from rollbook_contracts.urns import GROUP, ILMS
from support.conversation import Conversation, body_of, conversation
from support.people import jo
from support.product import Product

HEADERS = {
    "User-Agent": "Okta SCIM Client 1.0.0",
    "Accept": "application/scim+json",
    "Content-Type": "application/scim+json; charset=utf-8",
}
JO, KIM = "jo@okta.local", "kim@okta.local"


def person(name: str, **changes: Any) -> dict[str, Any]:
    """Return a profile as Okta holds it."""
    emails = [{"primary": True, "value": name, "type": "work"}]
    return jo(**{"userName": name, "emails": emails, "externalId": f"00u-{name}", **changes})


class Okta:
    """What both kinds of apps do."""

    def __init__(self, talk: Conversation) -> None:
        self.talk = talk

    async def sends(self, method: str, path: str, status: int, body: Any = None) -> Any:
        return body_of(await self.talk.scim.send(method, path, body, headers=HEADERS), status)

    async def tests_the_connector(self) -> None:
        reply = await self.talk.scim.get("/Users?startIndex=1&count=2")
        assert body_of(reply, 200)["totalResults"] == 0

    async def assigns(self, profile: dict[str, Any]) -> str:
        """Look somebody up; create whoever is not there, link and overwrite whoever is."""
        name = profile["userName"]
        condition = quote(f'userName eq "{name}"')
        found = await self.sends("GET", f"/Users?filter={condition}&startIndex=1&count=100", 200)
        if found["Resources"]:
            user = str(found["Resources"][0]["id"])
            await self.merges(user, profile)
            return user
        return str((await self.sends("POST", "/Users", 201, profile))["id"])

    async def merges(self, user: str, changes: dict[str, Any]) -> None:
        """Read somebody and send it all back with Okta's profile merged in."""
        shown = await self.sends("GET", f"/Users/{user}", 200)
        await self.sends("PUT", f"/Users/{user}", 200, {**shown, **changes})

    async def pushes_group(self, name: str, *users: str) -> str:
        condition = quote(f'displayName eq "{name}"')
        found = await self.sends("GET", f"/Groups?filter={condition}&startIndex=1&count=100", 200)
        assert found["totalResults"] == 0
        return str((await self.sends("POST", "/Groups", 201, self.group(name, *users)))["id"])

    async def puts_group(self, group: str, name: str, *users: str) -> None:
        await self.sends("GET", f"/Groups/{group}", 200)
        await self.sends("PUT", f"/Groups/{group}", 200, {**self.group(name, *users), "id": group})

    def group(self, name: str, *users: str) -> dict[str, Any]:
        members = [{"value": user, "display": "somebody"} for user in users]
        return {"schemas": [GROUP], "displayName": name, "members": members}

    async def patches(self, path: str, status: int, *operations: dict[str, Any]) -> None:
        body_of(await self.talk.scim.patch(path, *operations), status)


async def begins(okta: Okta) -> tuple[str, str, str]:
    """Test the connector, assign two people, push their group; return the three ids."""
    await okta.tests_the_connector()
    one, other = await okta.assigns(person(JO)), await okta.assigns(person(KIM))
    return one, other, await okta.pushes_group("Learners", one, other)


async def test_wizard_app(product: Product) -> None:
    """Profile, deactivation, group and its name: everything by PUT of what GET returned."""
    okta = Okta(await conversation(product))
    one, other, group = await begins(okta)
    await okta.merges(one, {"displayName": "Jo Moved", ILMS: {"region": "EMEA", "manager": {"displayName": "Kim"}}})
    await okta.merges(other, {"active": False})
    await okta.puts_group(group, "Learners", one)
    await okta.puts_group(group, "All learners", one)

    tables = await okta.talk.tables()
    assert tables.column("active") == {JO: True, KIM: False}
    assert tables.column("region") == {JO: "EMEA", KIM: "US-East"}
    assert tables.users[JO]["display_name"] == "Jo Moved"
    assert tables.groups == {"All learners": {JO}}


async def test_wizard_app_assigns_again(product: Product) -> None:
    """Whoever was deactivated is found, linked and active again, with the same id and groups."""
    okta = Okta(await conversation(product))
    one, _, _ = await begins(okta)
    await okta.merges(one, {"active": False})
    assert await okta.assigns(person(JO, active=True)) == one

    tables = await okta.talk.tables()
    assert tables.column("active") == {JO: True, KIM: True}
    assert tables.groups == {"Learners": {JO, KIM}}


async def test_integration_network_app(product: Product) -> None:
    """Profiles by PUT, `active` and passwords by PATCH without a path, groups by PATCH."""
    okta = Okta(await conversation(product))
    one, other, group = await begins(okta)
    path = f"/Groups/{group}"
    await okta.merges(one, {"displayName": "Jo Moved"})
    await okta.patches(f"/Users/{one}", 200, {"op": "replace", "value": {"password": "a-secret"}})
    await okta.patches(f"/Users/{other}", 200, {"op": "replace", "value": {"active": False}})
    await okta.patches(path, 204, {"op": "replace", "value": {"id": group, "displayName": "All learners"}})
    remove = {"op": "remove", "path": f'members[value eq "{one}"]'}
    await okta.patches(path, 204, remove, {"op": "add", "path": "members", "value": [{"value": other, "display": KIM}]})
    assert (await okta.talk.tables()).groups == {"All learners": {KIM}}
    await okta.patches(path, 204, {"op": "replace", "path": "members", "value": [{"value": one, "display": JO}]})

    tables = await okta.talk.tables()
    assert tables.column("active") == {JO: True, KIM: False}
    assert tables.column("display_name") == {JO: "Jo Moved", KIM: "Jo K"}
    assert tables.groups == {"All learners": {JO}}


async def test_a_group_is_unlinked(product: Product) -> None:
    """Unlinking with deletion takes the group away and leaves its people."""
    okta = Okta(await conversation(product))
    _, _, group = await begins(okta)
    await okta.sends("DELETE", f"/Groups/{group}", 204)

    tables = await okta.talk.tables()
    assert set(tables.users) == {JO, KIM}
    assert tables.groups == {}
