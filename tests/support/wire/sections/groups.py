"""G: groups and their members."""

import time
from typing import Any

from rollbook_contracts.urns import GROUP
from support.people import ada, jo, somebody
from support.scim import MEDIA_TYPE, Reply
from support.wire.answers import created, ids, listed, no_content, nobody, refused, resource
from support.wire.organization import Organization, Wire

MANY = 50_000


def _values(group: dict[str, Any]) -> set[str]:
    """Return the members of a group as it is shown: each once, each a person."""
    values = [member["value"] for member in group.get("members", ())]
    assert len(set(values)) == len(values)
    assert {member.get("type", "User") for member in group.get("members", ())} <= {"User"}
    return set(values)


async def _has(organization: Organization, group: dict[str, Any], *members: dict[str, Any]) -> None:
    """Assert that a group has exactly these members: in a GET and in the table."""
    wanted = {member["id"] for member in members}
    assert _values(await organization.read(group, "Groups")) == wanted
    assert await organization.members(group) == wanted


async def _patch(wire: Wire, organization: Organization, group: dict[str, Any], **members: dict[str, Any]) -> Reply:
    """Send the case's operations for a group."""
    names = {name: member["id"] for name, member in members.items()}
    return await organization.idp.send("PATCH", f"/Groups/{group['id']}", wire.body(g=group["id"], **names))


async def _three(organization: Organization) -> list[dict[str, Any]]:
    return await organization.people(ada(), jo(), somebody(3))


async def g01_looked_up_by_name(wire: Wire) -> None:
    """Nothing, then the one, whatever the case; never with members."""
    organization = await wire.organization()
    nobody(await organization.idp.get(wire.path()))
    [there] = await organization.people(ada())
    group = await organization.group("Learners", there)
    await organization.group("Others")
    for name in ("Learners", "lEARNERS"):
        [found] = listed(await organization.idp.get(wire.path().replace("Learners", name)))
        assert (found["id"], found["displayName"]) == (group["id"], "Learners")
        assert "members" not in found


async def g02_created_as_entra_creates(wire: Wire) -> None:
    """201; the other schema is overlooked; a taken name is 409, whatever its case."""
    organization = await wire.organization()
    group = created(await organization.idp.post("/Groups", wire.body()), "Group")
    assert group["schemas"] == [GROUP]
    assert (group["displayName"], group["externalId"]) == ("Learners", "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159")
    await _has(organization, group)
    refused(await organization.idp.post("/Groups", wire.body()), 409, "uniqueness")
    refused(await organization.idp.post("/Groups", {**wire.body(), "displayName": "LEARNERS"}), 409, "uniqueness")
    assert ids(await organization.idp.get("/Groups")) == [group["id"]]
    [row] = await organization.rows("SELECT * FROM lms.groups WHERE tenant = $1")
    assert (row["id"], row["display_name"], row["external_id"]) == (group["id"], "Learners", group["externalId"])


async def g03_without_members_however_many_there_are(wire: Wire) -> None:
    """No members in the answer, and 50,000 of them cost it nothing."""
    organization = await wire.organization()
    group = await organization.group("Learners")
    before = await _seconds_without_members(organization, group)
    body = {"displayName": "Learners", "members": [{"value": f"member-{number}"} for number in range(MANY)]}
    assert (await organization.before.put(f"/Groups/{group['id']}?excludedAttributes=members", body)).status == 200
    assert len(await organization.waiting(group)) == MANY
    assert await _seconds_without_members(organization, group) < before + 0.05


async def _seconds_without_members(organization: Organization, group: dict[str, Any]) -> float:
    """Return how long the fastest of five answers takes."""
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        reply = await organization.idp.get(f"/Groups/{group['id']}?excludedAttributes=members")
        seconds.append(time.perf_counter() - started)
        shown = resource(reply, 200, "Group")
        assert "members" not in shown
        assert shown["displayName"] == "Learners"
    return min(seconds)


async def g04_a_member_is_added_once(wire: Wire) -> None:
    """204; adding a member again is no error and no second member."""
    organization = await wire.organization()
    u1, u2, _ = await _three(organization)
    group = await organization.group("Learners", u2)
    for _ in range(2):
        no_content(await _patch(wire, organization, group, u1=u1))
        await _has(organization, group, u1, u2)


async def g05_many_values_and_many_operations(wire: Wire) -> None:
    """Values and operations add up; a thousand values in one request are no limit."""
    organization = await wire.organization()
    u1, u2, u3 = await _three(organization)
    group = await organization.group("Learners")
    no_content(await _patch(wire, organization, group, u1=u1, u2=u2, u3=u3))
    await _has(organization, group, u1, u2, u3)
    values = [{"value": f"member-{number}"} for number in range(1500)]
    operations: list[dict[str, Any]] = [
        {"op": "Add", "path": "members", "value": values[:1000]},
        *({"op": "Add", "path": "members", "value": [value]} for value in values[1000:]),
    ]
    no_content(await organization.idp.patch(f"/Groups/{group['id']}", *operations))
    assert await organization.waiting(group) == {value["value"] for value in values}
    assert await organization.members(group) == {u1["id"], u2["id"], u3["id"]}


async def g06_only_the_listed_members_leave(wire: Wire) -> None:
    """Remove with values removes those and nobody else."""
    organization = await wire.organization()
    u1, u2, u3 = await _three(organization)
    group = await organization.group("Learners", u1, u2, u3)
    no_content(await _patch(wire, organization, group, u1=u1))
    await _has(organization, group, u2, u3)


async def g07_a_member_is_removed_by_a_filter(wire: Wire) -> None:
    """204, also when the person was no member."""
    organization = await wire.organization()
    u1, u2, _ = await _three(organization)
    group = await organization.group("Learners", u1, u2)
    for _ in range(2):
        no_content(await _patch(wire, organization, group, u1=u1))
        await _has(organization, group, u2)


async def g08_an_empty_list_removes_nobody(wire: Wire) -> None:
    """Only Remove without any value empties the group."""
    organization = await wire.organization()
    u1, u2, _ = await _three(organization)
    group = await organization.group("Learners", u1, u2)
    no_content(await _patch(wire, organization, group))
    await _has(organization, group, u1, u2)
    no_content(await organization.idp.patch(f"/Groups/{group['id']}", {"op": "Remove", "path": "members"}))
    await _has(organization, group)


async def g09_operations_are_applied_in_order(wire: Wire) -> None:
    """Added, then removed: no member."""
    organization = await wire.organization()
    u1, u2, _ = await _three(organization)
    group = await organization.group("Learners", u2)
    no_content(await _patch(wire, organization, group, u1=u1))
    await _has(organization, group, u2)
    backwards = list(reversed(wire.body(u1=u1["id"])["Operations"]))
    no_content(await organization.idp.patch(f"/Groups/{group['id']}", *backwards))
    await _has(organization, group, u1, u2)


async def g10_replace_leaves_exactly_these(wire: Wire) -> None:
    """Whoever is not listed leaves, and whoever is listed is in."""
    organization = await wire.organization()
    u1, u2, u3 = await _three(organization)
    group = await organization.group("Learners", u2, u3)
    no_content(await _patch(wire, organization, group, u1=u1))
    await _has(organization, group, u1)


async def g11_a_new_name_leaves_the_members(wire: Wire) -> None:
    """Names in a path-less value change; the members stay."""
    organization = await wire.organization()
    u1, u2, _ = await _three(organization)
    group = await organization.group("Learners", u1, u2)
    no_content(await _patch(wire, organization, group))
    shown = await organization.read(group, "Groups")
    assert (shown["displayName"], shown["externalId"]) == ("New", "x")
    await _has(organization, group, u1, u2)
    [row] = await organization.rows("SELECT display_name, external_id FROM lms.groups WHERE tenant = $1")
    assert tuple(row) == ("New", "x")


async def g12_groups_do_not_nest(wire: Wire) -> None:
    """400 that says so, and nothing of the request is applied."""
    organization = await wire.organization()
    u1, u2, _ = await _three(organization)
    inner, group = await organization.group("Inner"), await organization.group("Learners", u2)
    said = "nested groups are not supported"
    reply = await organization.idp.send("PATCH", f"/Groups/{group['id']}", wire.body(groupId=inner["id"]))
    refused(reply, 400, "invalidValue", said)
    for nested in (
        {"value": inner["id"]},
        {"value": "x", "type": "Group"},
        {"value": "x", "$ref": f"{organization.idp.tenant_url}/Groups/{inner['id']}"},
    ):
        operations: list[dict[str, Any]] = [
            {"op": "Add", "path": "members", "value": [{"value": u1["id"]}]},
            {"op": "Add", "path": "members", "value": [nested]},
        ]
        refused(await organization.idp.patch(f"/Groups/{group['id']}", *operations), 400, "invalidValue", said)
    await _has(organization, group, u2)


async def g13_created_with_members_as_okta_creates(wire: Wire) -> None:
    """201 with the members, whose display is the server's; an empty list too."""
    organization = await wire.organization()
    u1, _, _ = await _three(organization)
    reply = await organization.idp.post("/Groups", wire.body(u1=u1["id"]))
    group = created(reply, "Group")
    assert _values(group) == {u1["id"]}
    await _has(organization, group, u1)
    empty = {**wire.body(u1=""), "displayName": "Others", "members": []}
    await _has(organization, created(await organization.idp.post("/Groups", empty), "Group"))


async def g14_replaced_with_the_full_list(wire: Wire) -> None:
    """GET returns the members, PUT replaces them all; a body of several MB is taken."""
    organization = await wire.organization()
    u1, u2, u3 = await _three(organization)
    group = await organization.group("Learners", u2, u3)
    assert _values(await organization.read(group, "Groups")) == {u2["id"], u3["id"]}
    path = f"/Groups/{group['id']}"
    changed = resource(await organization.idp.put(path, wire.body(g=group["id"], u1=u1["id"])), 200, "Group")
    assert _values(changed) == {u1["id"]}
    await _has(organization, group, u1)
    filler = [{"value": f"member-{number}", "display": f"{number:0100d}"} for number in range(20_000)]
    body = wire.body(g=group["id"], u1=u1["id"])
    body["members"] += filler
    changed = resource(await organization.idp.put(path, body), 200, "Group")
    assert _values(changed) == {u1["id"], *(member["value"] for member in filler)}
    assert await organization.members(group) == {u1["id"]}
    assert len(await organization.waiting(group)) == len(filler)


async def g15_an_id_in_a_value_is_ignored(wire: Wire) -> None:
    """The group is renamed; its id in the value is no error."""
    organization = await wire.organization()
    [u1] = await organization.people(ada())
    group = await organization.group("Learners", u1)
    no_content(await _patch(wire, organization, group))
    shown = await organization.read(group, "Groups")
    assert (shown["id"], shown["displayName"]) == (group["id"], "Renamed")
    assert ids(await organization.idp.get('/Groups?filter=displayName+eq+"renamed"')) == [group["id"]]
    nobody(await organization.idp.get('/Groups?filter=displayName+eq+"Learners"'))
    await _has(organization, group, u1)


async def g16_one_out_one_in(wire: Wire) -> None:
    """A member without a type is a person."""
    organization = await wire.organization()
    u1, u2, u3 = await _three(organization)
    group = await organization.group("Learners", u2, u3)
    no_content(await _patch(wire, organization, group, u1=u1, u2=u2))
    await _has(organization, group, u1, u3)


async def g17_a_deleted_group_leaves_its_people(wire: Wire) -> None:
    """204; the group is gone, its people stay."""
    organization = await wire.organization()
    [u1] = await organization.people(ada())
    group = await organization.group("Learners", u1)
    path = f"/Groups/{group['id']}"
    no_content(await organization.idp.delete(path))
    refused(await organization.idp.get(path), 404)
    refused(await organization.idp.delete(path), 404)
    nobody(await organization.idp.get("/Groups"))
    assert await organization.members(group) == set()
    assert await organization.rows("SELECT FROM lms.groups WHERE tenant = $1") == []
    assert (await organization.read(u1))["userName"] == "ada@contoso.com"
    assert created(await organization.idp.post("/Groups", {"displayName": "learners"}), "Group")["id"] != group["id"]


async def g18_groups_are_listed_in_a_stable_order(wire: Wire) -> None:
    """A ListResponse, the same each time, cut into pages without gap or repeat."""
    organization = await wire.organization()
    groups = [await organization.group(f"Group {number}") for number in (3, 1, 2, 5, 4)]
    reply = await organization.idp.get("/Groups?startIndex=1&count=100")
    assert reply.headers["Content-Type"].startswith(MEDIA_TYPE)
    found = ids(reply)
    assert sorted(found) == sorted(group["id"] for group in groups)
    assert reply.body["totalResults"] == 5
    assert ids(await organization.idp.get("/Groups?startIndex=1&count=100")) == found
    pages = [await organization.idp.get(f"/Groups?startIndex={start}&count=2") for start in (1, 3, 5)]
    assert [group_id for page in pages for group_id in ids(page)] == found
