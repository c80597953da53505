"""People as requests answer them: with their groups from fresh tables, and with managers exactly as they were sent."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import asyncpg
import msgspec
import pytest

from rollbook_contracts.claims import ClaimKey
from rollbook_contracts.facts.codec import decode_fact
from rollbook_contracts.facts.user import UserFact
from rollbook_contracts.identifiers import new_id
from rollbook_contracts.settings import TenantSettings
from rollbook_contracts.urns import ENTERPRISE, ILMS
from rollbook_gateway.decide.user import Tenant
from rollbook_gateway.log.memory import MemoryEventLog
from rollbook_gateway.requests.caller import Answer, Caller
from rollbook_gateway.requests.decision_loop import DecisionLoop
from rollbook_gateway.requests.search_request import Query
from rollbook_gateway.requests.users import Users, shown_attributes
from rollbook_gateway.scim.errors import ScimError
from rollbook_gateway.search.database import open_pool
from rollbook_gateway.search.errors import SearchUnavailableError, StaleError
from rollbook_gateway.search.users import UserSearch
from support.people import somebody
from support.scim import PATCH_OP
from support.searched_groups import Group, group_id_of, insert_groups
from support.searched_people import MODIFIED, insert_facts, new_tenant
from support.searching import PARTITION, Notices, move_checkpoint

BASE = "http://gateway.example/scim/acme/v2"


@dataclass(frozen=True, slots=True)
class Stage:
    """Requests on people over a log in memory, beside tables that the test brings up to date."""

    users: Users
    log: MemoryEventLog
    database: asyncpg.Connection
    caller: Caller

    async def created(self, **values: Any) -> str:
        """Create somebody; return the id."""
        body = msgspec.json.encode(somebody(await self.log.head(PARTITION), **values))
        return str(document(await self.users.create(self.caller, body, shown_attributes(None, None)))["id"])

    async def apply(self, *groups: Group) -> None:
        """Put into the tables what the log holds of people, and groups of them."""
        tenant = self.caller.tenant.id
        facts = []
        for sequence in range(1, await self.log.head(PARTITION) + 1):
            stored = await self.log.at(PARTITION, sequence)
            assert stored is not None
            fact = decode_fact(stored.headers, stored.body)
            if isinstance(fact, UserFact):
                facts.append((sequence, fact))
        async with self.database.transaction():
            await insert_facts(self.database, tenant, facts)
            await insert_groups(self.database, tenant, groups)
            await move_checkpoint(self.database, await self.log.head(PARTITION))

    async def get(self, user_id: str, attributes: str | None = None, excluded: str | None = None) -> Answer:
        """Send GET by id."""
        return await self.users.get(self.caller, user_id, shown_attributes(attributes, excluded))

    async def changed_since(self, user_id: str, tag: str, excluded: str | None = None) -> int:
        """Send GET by id with a condition; return the status."""
        caller = replace(self.caller, if_none_match=tag)
        return (await self.users.get(caller, user_id, shown_attributes(None, excluded))).status

    async def found(self, **query: Any) -> list[dict[str, Any]]:
        """Send GET of a list; return the people."""
        found: list[dict[str, Any]] = document(await self.users.list(self.caller, Query(**query)))["Resources"]
        return found


def document(answer: Answer) -> dict[str, Any]:
    """Return what was answered."""
    assert answer.status in {200, 201}
    assert isinstance(answer.body, bytes)
    decoded: dict[str, Any] = msgspec.json.decode(answer.body)
    return decoded


@pytest.fixture
async def stage(database_url: str, database: asyncpg.Connection) -> AsyncIterator[Stage]:
    """Lend requests of a tenant of its own."""
    tenant = Tenant(new_tenant(), "acme", PARTITION, TenantSettings(regions=("US-East",)))
    log = MemoryEventLog(1)
    decisions = DecisionLoop(log, ClaimKey(bytes(32)), lambda: MODIFIED)
    async with open_pool(database_url) as pool:
        users = Users(decisions, UserSearch(pool, log, Notices()), partial(new_id, "usr"))
        yield Stage(users, log, database, Caller(tenant, "req_x", BASE))


def member_of(number: int, name: str) -> dict[str, str]:
    """Return a group as people show it."""
    return {
        "value": group_id_of(number),
        "$ref": f"{BASE}/Groups/{group_id_of(number)}",
        "display": name,
        "type": "direct",
    }


async def test_groups_are_shown_by_every_read(stage: Stage) -> None:
    """GET by id, lists and filters show a person's groups; who is in none has no such attribute."""
    ada, jo = await stage.created(), await stage.created()
    await stage.apply(Group({"displayName": "Tutors"}, ids=(ada,)), Group({"displayName": "Learners"}, ids=(ada,)))
    groups = [member_of(0, "Tutors"), member_of(1, "Learners")]

    assert document(await stage.get(ada))["groups"] == groups
    assert "groups" not in document(await stage.get(jo))
    assert {person["id"]: person.get("groups") for person in await stage.found()} == {ada: groups, jo: None}
    assert [person["groups"] for person in await stage.found(filter=f'id eq "{ada}"')] == [groups]
    assert [person["id"] for person in await stage.found(filter=f'groups eq "{group_id_of(1)}"')] == [ada]


async def test_groups_are_shown_where_they_are_asked_for(stage: Stage) -> None:
    """``attributes`` and ``excludedAttributes`` choose groups, or parts of them, as any attribute."""
    ada = await stage.created()
    await stage.apply(Group({"displayName": "Tutors"}, ids=(ada,)))

    assert document(await stage.get(ada, "groups.display"))["groups"] == [{"display": "Tutors"}]
    without = document(await stage.get(ada, excluded="groups.$ref,groups.type"))
    assert without["groups"] == [{"value": group_id_of(0), "display": "Tutors"}]
    assert "groups" not in document(await stage.get(ada, excluded="groups"))
    assert "groups" not in document(await stage.get(ada, "userName"))
    assert [person.get("groups") for person in await stage.found(attributes="userName")] == [None]


async def test_answers_to_writes_do_not_show_groups(stage: Stage) -> None:
    """What a write is answered comes from the log alone: it holds no groups, and no table is waited for."""
    ada = await stage.created()
    await stage.apply(Group({"displayName": "Tutors"}, ids=(ada,)))
    whole = shown_attributes(None, None)

    replaced = await stage.users.replace(stage.caller, ada, msgspec.json.encode(somebody(1, title="x")), whole)
    operation = {"op": "replace", "value": {"title": "y", "groups": [{"value": "x"}]}}
    patch = {"schemas": [PATCH_OP], "Operations": [operation]}
    patched = await stage.users.patch(stage.caller, ada, msgspec.json.encode(patch), whole)

    assert "groups" not in document(replaced)
    assert (document(patched)["title"], "groups" in document(patched)) == ("y", False)


async def test_groups_wait_for_the_tables_and_nothing_else_does(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a projector that stays behind, groups are refused; without them a person is answered at once."""
    monkeypatch.setattr("rollbook_gateway.search.pages.FRESH_SECONDS", 0.2)
    ada = await stage.created()
    await stage.apply()
    await stage.created()

    with pytest.raises(StaleError):
        await stage.get(ada)
    assert document(await stage.get(ada, excluded="groups"))["id"] == ada


async def test_without_groups_no_database_is_asked(stage: Stage, database_url: str) -> None:
    """Where groups are not shown nothing of PostgreSQL is touched: it may be away."""
    ada = await stage.created()
    async with open_pool(database_url.rpartition("/")[0] + "/nowhere") as pool:
        decisions = stage.users._decisions
        users = Users(decisions, UserSearch(pool, stage.log, Notices()), partial(new_id, "usr"))

        with pytest.raises(SearchUnavailableError):
            await users.get(stage.caller, ada, shown_attributes(None, None))
        for attributes, excluded in ((None, "groups"), ("userName,emails", None)):
            answer = await users.get(stage.caller, ada, shown_attributes(attributes, excluded))
            assert document(answer)["id"] == ada
        assert pool.get_size() == 0


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ({ENTERPRISE: {"manager": "boss"}}, {ENTERPRISE: {"manager": {"value": "boss"}}}),
        ({ENTERPRISE: {"manager": {"value": "Boss 1"}}}, {ENTERPRISE: {"manager": {"value": "Boss 1"}}}),
        (
            {ENTERPRISE: {"manager": {"value": "b", "$ref": "../Users/b", "displayName": "B"}}},
            {ENTERPRISE: {"manager": {"value": "b", "$ref": "../Users/b"}}},
        ),
        ({f"{ENTERPRISE}:manager": "boss"}, {ENTERPRISE: {"manager": {"value": "boss"}}}),
        *(
            ({ILMS: {"region": "US-East", "manager": manager}}, {ILMS: {"region": "US-East", "manager": manager}})
            for manager in (
                {"id": "usr_x"},
                {"displayName": "Jane Boss"},
                {"email": "Jane Boss"},
                {"id": "a", "email": "b"},
            )
        ),
        (
            {ILMS: {"region": "US-East", "manager.displayName": "Jane"}, ENTERPRISE: {"manager": {"value": "jane"}}},
            {
                ILMS: {"region": "US-East", "manager": {"displayName": "Jane"}},
                ENTERPRISE: {"manager": {"value": "jane"}},
            },
        ),
    ],
)
async def test_managers_are_shown_as_sent(stage: Stage, sent: dict[str, Any], shown: dict[str, Any]) -> None:
    """C02, C14, C15: by id and in lists a manager is an object with exactly the values that came, linked or not."""
    ada, boss = await stage.created(**sent), await stage.created()
    await stage.apply()

    for linked in (None, boss):
        await stage.database.execute("UPDATE lms.users SET manager_id = $2 WHERE id = $1", ada, linked)
        for person in (document(await stage.get(ada)), *(await stage.found(filter=f'id eq "{ada}"'))):
            assert {urn: person.get(urn) for urn in shown} == shown


async def test_manager_is_matched_as_sent_or_linked(stage: Stage) -> None:
    """M07: the reference check of a provider finds a manager by what was sent and by the id of whom it names."""
    ada = await stage.created(**{ENTERPRISE: {"manager": "boss"}})
    boss = await stage.created()
    await stage.apply()
    await stage.database.execute("UPDATE lms.users SET manager_id = $2 WHERE id = $1", ada, boss)

    for value, found in (("boss", [ada]), (boss, [ada]), ("Boss", []), (ada, [])):
        people = await stage.found(filter=f'id eq "{ada}" and manager eq "{value}"', attributes="id")
        assert [person["id"] for person in people] == found


async def test_tag_counts_the_groups_that_are_shown(stage: Stage) -> None:
    """It moves with each of them and with their names; without groups, and for a write, it is what was stored alone."""
    person = await stage.created()
    await stage.apply()
    plain = (await stage.get(person)).headers["ETag"]
    tags = [plain]
    for groups in (
        [Group({"displayName": "Learners"}, ids=(person,))],
        [Group({"displayName": "Tutors"}, ids=(person,))],
        [Group({"displayName": "Tutors"}, ids=(person,)), Group({"displayName": "Others"}, ids=(person,))],
    ):
        await stage.database.execute("TRUNCATE lms.users, lms.groups, lms.group_members")
        await stage.apply(*groups)
        answer = await stage.get(person)
        (listed,) = await stage.found()
        assert answer.headers["ETag"] == document(answer)["meta"]["version"] == listed["meta"]["version"]
        assert await stage.changed_since(person, tags[-1]) == 200
        assert await stage.changed_since(person, answer.headers["ETag"]) == 304
        tags.append(answer.headers["ETag"])

    assert len(set(tags)) == len(tags)
    assert (await stage.get(person, excluded="groups")).headers["ETag"] == plain
    assert await stage.changed_since(person, plain, excluded="groups") == 304
    caller = replace(stage.caller, if_match=tags[-1])
    rename = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "title", "value": "Dean"}]}
    assert (
        await stage.users.patch(caller, person, msgspec.json.encode(rename), shown_attributes(None, None))
    ).status == 200
    with pytest.raises(ScimError, match="at version"):
        await stage.users.delete(caller, person)
