"""Entra's cycles, initial and incremental, in both of its dialects and with both from one tenant."""

import asyncio
import uuid
from typing import Any

import pytest

from rollbook_contracts.urns import ENTERPRISE, GROUP, ILMS
from support.conversation import Conversation, Tables, body_of, conversation
from support.people import somebody
from support.product import Product

MATCHING = 'emails[type eq "work"].value eq "{}"'
ADA, BOSS, JOE = (f"p{number}@contoso.com" for number in (1, 2, 3))


class Entra:
    """The provisioning service; with ``flag`` it speaks as the Tenant URL's aadOptscim062020 has it."""

    def __init__(self, talk: Conversation, *, flag: bool) -> None:
        self.talk = talk
        self.flag = flag

    async def tests_the_connection(self) -> None:
        assert await self.talk.looked_up("Users", MATCHING.format(uuid.uuid4())) == []

    async def provisions(self, body: dict[str, Any]) -> str:
        """Look somebody up, create whoever is not there, and look up again."""
        matching = MATCHING.format(body["emails"][0]["value"])
        assert await self.talk.looked_up("Users", matching) == []
        created = body_of(await self.talk.scim.post("/Users", body), 201)
        assert await self.talk.looked_up("Users", matching) == [created["id"]]
        return str(created["id"])

    async def provisions_group(self, name: str) -> str:
        matching = f'displayName eq "{name}"'
        assert await self.talk.looked_up("Groups", matching, "excludedAttributes=members&") == []
        body = {
            "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
            "externalId": str(uuid.uuid4()),
            "displayName": name,
            "members": [],
            "meta": {"resourceType": "Group"},
        }
        return str(body_of(await self.talk.scim.post("/Groups", body), 201)["id"])

    async def sets_manager(self, user: str, manager: str) -> None:
        await self._patches(user, {"op": self._op("Add"), "path": f"{ENTERPRISE}:manager", "value": manager})

    async def adds_members(self, group: str, *users: str) -> None:
        values = [{"value": user} if self.flag else {"$ref": None, "value": user} for user in users]
        await self._patches_group(group, {"op": self._op("Add"), "path": "members", "value": values})

    async def removes_member(self, group: str, user: str) -> None:
        operation: dict[str, Any] = {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": user}]}
        if self.flag:
            operation = {"op": "remove", "path": f'members[value eq "{user}"]'}
        await self._patches_group(group, operation)

    async def changes(self, user: str, changes: dict[str, Any]) -> None:
        """Read somebody and change attributes: one operation for each, or one without a path for all."""
        await self.talk.shown("Users", user)
        if self.flag:
            await self._patches(user, {"op": "replace", "value": changes})
        else:
            await self._patches(user, *({"op": "Replace", "path": path, "value": changes[path]} for path in changes))

    async def switches(self, user: str, *, on: bool) -> None:
        value = on if self.flag else str(on)
        await self._patches(user, {"op": self._op("Replace"), "path": "active", "value": value})

    def _op(self, name: str) -> str:
        return name.lower() if self.flag else name

    async def _patches(self, user: str, *operations: dict[str, Any]) -> None:
        body_of(await self.talk.scim.patch(f"/Users/{user}", *operations), 200)

    async def _patches_group(self, group: str, *operations: dict[str, Any]) -> None:
        body_of(await self.talk.scim.patch(f"/Groups/{group}", *operations), 204)


async def initial_cycle(entra: Entra) -> tuple[list[str], str]:
    """Users first, then managers, then a group and its members; return the people's ids and the group's."""
    await entra.tests_the_connection()
    users = [await entra.provisions(somebody(number)) for number in (1, 2, 3)]
    await entra.sets_manager(users[0], users[1])
    group = await entra.provisions_group("Learners")
    await entra.adds_members(group, *users)
    return users, group


async def incremental_cycle(entra: Entra, users: list[str], group: str) -> None:
    """One moves, her manager changes, one leaves the group, one leaves the company."""
    ada, boss, joe = users
    await entra.changes(
        ada, {"displayName": "Ada Moved", f"{ILMS}:region": "EMEA", f"{ENTERPRISE}:department": "Sales"}
    )
    await entra.sets_manager(ada, joe)
    await entra.removes_member(group, boss)
    await entra.switches(boss, on=False)


def moved(tables: Tables, users: list[str]) -> None:
    """Assert what both cycles have led to."""
    assert tables.column("id") == dict(zip((ADA, BOSS, JOE), users, strict=True))
    assert tables.column("active") == {ADA: True, BOSS: False, JOE: True}
    assert tables.column("manager_id") == {ADA: users[2], BOSS: None, JOE: None}
    assert tables.column("region") == {ADA: "EMEA", BOSS: "US-East", JOE: "US-East"}
    ada = tables.users[ADA]
    assert (ada["display_name"], ada["department"]) == ("Ada Moved", "Sales")
    assert tables.groups == {"Learners": {ADA, JOE}}


@pytest.mark.parametrize("first", [False, True], ids=["default", "flag"])
@pytest.mark.parametrize("second", [False, True], ids=["then default", "then flag"])
async def test_cycles(product: Product, *, first: bool, second: bool) -> None:
    """An initial and an incremental cycle, each in either dialect."""
    talk = await conversation(product)
    users, group = await initial_cycle(Entra(talk, flag=first))
    tables = await talk.tables()
    assert tables.column("manager_id") == {ADA: users[1], BOSS: None, JOE: None}
    assert tables.groups == {"Learners": {ADA, BOSS, JOE}}

    await incremental_cycle(Entra(talk, flag=second), users, group)
    moved(await talk.tables(), users)


async def test_both_dialects_at_once(product: Product) -> None:
    """Provision on demand, which the flag does not reach, works on the same tenant beside a cycle with it."""
    talk = await conversation(product)
    cycle, on_demand = Entra(talk, flag=True), Entra(talk, flag=False)
    users, group = await initial_cycle(cycle)
    for entra in (on_demand, cycle, on_demand):
        await entra.removes_member(group, users[0])
        await entra.adds_members(group, users[0])
    _, new = await asyncio.gather(incremental_cycle(cycle, users, group), on_demand.provisions(somebody(4)))
    await on_demand.adds_members(group, new)

    tables = await talk.tables()
    assert tables.groups == {"Learners": {ADA, JOE, "p4@contoso.com"}}
    assert tables.users[ADA]["display_name"] == "Ada Moved"
    assert tables.column("active")[BOSS] is False


@pytest.mark.parametrize("flag", [False, True], ids=["default", "flag"])
async def test_somebody_is_restored(product: Product, *, flag: bool) -> None:
    """Whoever comes back is found and switched on; memberships, which Entra does not send again, are there."""
    talk = await conversation(product)
    entra = Entra(talk, flag=flag)
    users, _ = await initial_cycle(entra)
    await entra.switches(users[0], on=False)
    assert await talk.looked_up("Users", MATCHING.format(ADA)) == [users[0]]
    await entra.switches(users[0], on=True)

    tables = await talk.tables()
    assert tables.users[ADA]["active"] is True
    assert tables.users[ADA]["manager_id"] == users[1]
    assert ADA in tables.groups["Learners"]


async def test_somebody_is_purged(product: Product) -> None:
    """Thirty days after the last PATCH comes a DELETE, which takes person, membership and management away."""
    talk = await conversation(product)
    entra = Entra(talk, flag=False)
    users, _ = await initial_cycle(entra)
    await entra.switches(users[1], on=False)
    body_of(await talk.scim.delete(f"/Users/{users[1]}"), 204)

    tables = await talk.tables()
    assert tables.column("manager_id") == {ADA: None, JOE: None}
    assert tables.groups == {"Learners": {ADA, JOE}}
