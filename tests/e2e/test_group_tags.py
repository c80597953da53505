"""What a group's tag counts: If-None-Match on reads and If-Match on writes, at two gateways, over the real product."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import pytest

from support.people import somebody
from support.product import Product
from support.scim import PATCH_OP, Reply, Scim

WAITS = "p9@contoso.com"
HEAD = "?excludedAttributes=members"
Change: TypeAlias = Callable[[Scim, str, list[str]], Awaitable[Reply]]


@pytest.fixture
async def gateways(product: Product) -> tuple[Scim, Scim]:
    """Lend a tenant of its own at two gateways."""
    scim = await product.new_tenant(regions=("US-East",))
    return scim, product.at(scim, 1)


def change_members(verb: str, *values: str) -> dict[str, Any]:
    return {"op": verb, "path": "members", "value": [{"value": value} for value in values]}


RENAME = {"op": "replace", "path": "displayName", "value": "Renamed"}


async def a_group(scim: Scim) -> tuple[str, list[str]]:
    """Create a group of two people and one who waits; return its path and the ids of three people."""
    people = [(await scim.created(somebody(number)))["id"] for number in range(3)]
    members = [{"value": value} for value in (*people[:2], WAITS)]
    reply = await scim.post("/Groups", {"displayName": "Learners", "members": members})
    assert reply.status == 201, reply
    return f"/Groups/{reply.body['id']}", people


async def read(scim: Scim, path: str, tag: str | None = None) -> Reply:
    return await scim.send("GET", path, headers={"If-None-Match": tag} if tag else {})


async def write(scim: Scim, path: str, tag: str, *operations: dict[str, Any]) -> int:
    message = {"schemas": [PATCH_OP], "Operations": list(operations)}
    return (await scim.send("PATCH", path, message, headers={"If-Match": tag})).status


def said(reply: Reply) -> tuple[str, str]:
    """Return a group's tag and when it changed last."""
    assert reply.status == 200, reply
    assert reply.headers["ETag"] == reply.body["meta"]["version"]
    return reply.headers["ETag"], reply.body["meta"]["lastModified"]


SEEN: dict[str, Change] = {
    "a member is deleted": lambda scim, _, people: scim.delete(f"/Users/{people[0]}"),
    "who waited comes": lambda scim, *_: scim.post("/Users", somebody(9)),
    "a member gets another name": lambda scim, _, people: scim.patch(
        f"/Users/{people[1]}", {"op": "replace", "path": "displayName", "value": "Ada"}
    ),
    "a member is added": lambda scim, path, people: scim.patch(path, change_members("add", people[2])),
    "somebody who waits is added": lambda scim, path, _: scim.patch(path, change_members("add", "nobody")),
    "who waits is removed": lambda scim, path, _: scim.patch(path, change_members("remove", WAITS)),
    "others take their place": lambda scim, path, people: scim.put(
        path, {"displayName": "Learners", "members": [{"value": people[0]}]}
    ),
    "it gets another name": lambda scim, path, _: scim.patch(path, RENAME),
}
UNSEEN: dict[str, Change] = {
    "who is there is added": lambda scim, path, people: scim.patch(path, change_members("add", people[0], WAITS)),
    "the same without a path": lambda scim, path, people: scim.patch(
        path, {"op": "add", "value": {"members": [{"value": people[0]}]}}
    ),
    "who is not there is removed": lambda scim, path, people: scim.patch(
        path, change_members("remove", people[2], "nobody")
    ),
    "the same in brackets": lambda scim, path, people: scim.patch(
        path, {"op": "remove", "path": f'members[value eq "{people[2]}"]'}
    ),
    "the same members replace all": lambda scim, path, people: scim.patch(
        path, change_members("replace", WAITS, *people[:2])
    ),
    "it is put as it is": lambda scim, path, people: scim.put(
        path, {"displayName": "Learners", "members": [{"value": value} for value in (*people[:2], WAITS)]}
    ),
    "a member gets another department": lambda scim, _, people: scim.patch(
        f"/Users/{people[0]}", {"op": "replace", "path": "title", "value": "Dean"}
    ),
    "somebody else is deleted": lambda scim, _, people: scim.delete(f"/Users/{people[2]}"),
}


@pytest.mark.parametrize("what", SEEN)
async def test_tag_moves_with_what_is_shown(gateways: tuple[Scim, Scim], what: str) -> None:
    """The old one reads the new state and refuses a write, the new one does neither, at either gateway."""
    writer, reader = gateways
    path, people = await a_group(writer)
    before = said(await read(reader, path))
    assert (await read(reader, path, before[0])).status == 304

    reply = await SEEN[what](writer, path, people)
    assert reply.status < 300, reply

    after = said(await read(reader, path, before[0]))
    assert after[0] != before[0]
    assert after[1] > before[1]
    assert (await read(writer, path, after[0])).status == 304
    assert await write(reader, path, before[0], RENAME) == 412
    assert await write(reader, path, after[0], RENAME) == 204


@pytest.mark.parametrize("what", UNSEEN)
async def test_what_changes_nothing_that_is_shown_moves_nothing(gateways: tuple[Scim, Scim], what: str) -> None:
    """Neither tag nor lastModified, of the group with members and without; a write with the old tag is stored."""
    writer, reader = gateways
    path, people = await a_group(writer)
    before = [said(await read(reader, path + part)) for part in ("", HEAD)]

    reply = await UNSEEN[what](writer, path, people)
    assert reply.status < 300, reply

    assert before == [said(await read(reader, path + part)) for part in ("", HEAD)]
    assert (await read(reader, path, before[0][0])).status == 304
    assert await write(reader, path, before[0][0], RENAME) == 204


async def test_tag_without_members_counts_the_head_alone(gateways: tuple[Scim, Scim]) -> None:
    """Changes of members leave it, changes of the head do not; it is another one than that of the whole."""
    writer, reader = gateways
    path, people = await a_group(writer)
    head, whole = said(await read(reader, path + HEAD)), said(await read(reader, path))
    assert head[0] != whole[0]

    assert (await writer.patch(path, change_members("remove", people[0]))).status == 204
    assert (await read(reader, path + HEAD, head[0])).status == 304
    assert (await read(reader, f"{path}?attributes=displayName", head[0])).status == 304
    assert (await read(reader, path, head[0])).status == 200
    assert said(await read(reader, path + HEAD)) == head
    assert await write(reader, path, head[0], RENAME) == 204

    assert (await read(reader, path + HEAD, head[0])).status == 200
    assert await write(reader, path, head[0], change_members("add", people[0])) == 412


@pytest.mark.parametrize("members", [[], ["p0@contoso.com", WAITS], [f"m{number}" for number in range(1_500)]])
async def test_tag_of_a_write_holds_as_that_of_a_read_does(gateways: tuple[Scim, Scim], members: list[str]) -> None:
    """POST and PUT answer one at once; it stands for what they wrote until something that is shown changes."""
    writer, reader = gateways
    person = await writer.created(somebody(0))
    sent = {"displayName": "Learners", "members": [{"value": value} for value in members]}
    created = await writer.post("/Groups", sent)
    path = f"/Groups/{created.body['id']}"
    put = await writer.put(path, sent)

    for tag in (created.headers["ETag"], put.headers["ETag"]):
        assert (await read(reader, path, tag)).status == 304
    assert await write(reader, path, created.headers["ETag"], change_members("add", person["id"])) == 204
    there = "p0@contoso.com" in members
    for tag in (created.headers["ETag"], put.headers["ETag"]):
        assert (await read(writer, path, tag)).status == (304 if there else 200)
        assert await write(writer, path, tag, change_members("remove", "x")) == (204 if there else 412)


async def test_lists_show_the_tags_of_reads(gateways: tuple[Scim, Scim]) -> None:
    """With members and without; a filter on versions means the whole group."""
    writer, reader = gateways
    path, people = await a_group(writer)
    await writer.delete(f"/Users/{people[0]}")

    for part in ("", HEAD):
        listed = (await reader.get(f"/Groups{part}")).body["Resources"]
        assert [(one["meta"]["version"], one["meta"]["lastModified"]) for one in listed] == [
            said(await reader.get(path + part))
        ]
    version = said(await reader.get(path))[0].replace('"', "%5C%22")
    assert (await reader.get(f'/Groups?filter=meta.version+eq+"{version}"')).body["totalResults"] == 1


async def test_other_tags_and_several(gateways: tuple[Scim, Scim]) -> None:
    """One of several is enough, strong or weak; what is no tag of a group holds for nothing, and * for whatever is."""
    writer, reader = gateways
    path, _ = await a_group(writer)
    for part in ("", HEAD):
        tag, _ = said(await read(reader, path + part))
        for condition in ("*", f'"1", {tag}', tag.removeprefix("W/")):
            assert (await read(reader, path + part, condition)).status == 304
            assert await write(reader, path, condition, change_members("add", WAITS)) == 204
        for condition in ('"x"', tag.replace('"', ""), '"1.1"', f'W/"{"9" * 40}"', ""):
            assert (await read(reader, path + part, condition)).status == 200
            if condition:
                assert await write(reader, path, condition, change_members("add", WAITS)) == 412
