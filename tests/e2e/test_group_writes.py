"""Writing groups through the real product: what is answered, and what stands in the log afterwards."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from rollbook_contracts import subjects
from rollbook_contracts.facts.catalog import Fact
from rollbook_contracts.facts.codec import decode_fact
from rollbook_contracts.facts.membership import MembersAdded, MembersClosed, MembersReplaced, StagingCommitted
from rollbook_contracts.identifiers import new_id
from rollbook_contracts.partitions import partition_of
from rollbook_contracts.urns import GROUP
from rollbook_gateway.log.port import Stored
from support.product import Product, tenant_name
from support.scim import PATCH_OP, Reply, Scim


@pytest.fixture
async def scim(product: Product) -> Scim:
    """Lend a tenant of its own."""
    return await product.new_tenant()


def group(name: str = "Learners", **changes: Any) -> dict[str, Any]:
    return {"schemas": [GROUP], "displayName": name, **changes}


def add(*values: str) -> dict[str, Any]:
    return {"op": "Add", "path": "members", "value": [{"$ref": None, "value": value} for value in values]}


def remove(value: str) -> dict[str, Any]:
    return {"op": "remove", "path": f'members[value eq "{value}"]'}


async def created(scim: Scim, **changes: Any) -> str:
    """Create a group; return its id."""
    reply = await scim.post("/Groups", group(**changes))
    assert reply.status == 201, reply
    return str(reply.body["id"])


async def tenant_of(product: Product, scim: Scim) -> str:
    """Return the id of a client's tenant."""
    row = await product.tenants().get(tenant_name(scim))
    return str(row.tenant)


async def on_members(product: Product, scim: Scim, group_id: str) -> list[tuple[Stored, Fact]]:
    """Return what stands on a members' subject, in order."""
    tenant = await tenant_of(product, scim)
    partition = partition_of(tenant, product.partitions)
    subject = subjects.group_members(partition, tenant, group_id)
    found = []
    for sequence in range(1, await product.log.head(partition) + 1):
        stored = await product.log.at(partition, sequence)
        if stored is not None and stored.subject == subject:
            found.append((stored, decode_fact(stored.headers, stored.body)))
    return found


async def test_group_is_created_and_answered_as_sent(scim: Scim) -> None:
    """POST answers 201 with id, meta, ETag, Location and the members that were sent, linked or not."""
    user_id = new_id("usr")
    reply = await scim.post(
        "/Groups", group(externalId="e1", members=[{"value": user_id, "display": "x"}, {"value": "jo"}])
    )

    assert reply.status == 201
    body = reply.body
    assert (body["displayName"], body["externalId"], body["schemas"]) == ("Learners", "e1", [GROUP])
    assert body["members"] == [
        {"value": user_id, "$ref": f"{scim.tenant_url}/Users/{user_id}", "type": "User"},
        {"value": "jo", "type": "User"},
    ]
    assert reply.headers["ETag"] == body["meta"]["version"]
    assert reply.headers["Location"] == body["meta"]["location"] == f"{scim.tenant_url}/Groups/{body['id']}"
    without = await scim.get(f"/Groups/{body['id']}?excludedAttributes=members")
    assert without.status == 200
    assert without.body.pop("meta")["version"] == without.headers["ETag"]
    assert without.body == {name: part for name, part in body.items() if name not in {"members", "meta"}}


async def test_all_forms_of_patch_are_204(scim: Scim) -> None:
    """Deltas, replacements, names and mixtures of them answer 204 without a body."""
    path = f"/Groups/{await created(scim, members=[])}"
    for operations in (
        [add("u1")],
        [add("u1", "u2"), add("u3")],
        [{"op": "Remove", "path": "members", "value": [{"$ref": None, "value": "u1"}]}],
        [remove("u1")],
        [{"op": "Remove", "path": "members", "value": []}],
        [add("u1"), remove("u1")],
        [{"op": "replace", "path": "members", "value": [{"value": "u1"}]}],
        [{"op": "replace", "value": {"displayName": "New", "externalId": "x"}}],
        [{"op": "replace", "value": {"id": path[8:], "displayName": "Renamed"}}],
        [{"op": "replace", "value": {"displayName": "Both", "members": [{"value": "u9"}]}}, add("u8")],
        [{"op": "remove", "path": "members"}],
    ):
        reply: Reply = await scim.patch(path, *operations)
        assert (reply.status, reply.body) == (204, None), operations


@pytest.mark.parametrize("condition", [None, "*"])
@pytest.mark.parametrize(
    "operation", [add("u2"), add("u1"), {"op": "replace", "path": "displayName", "value": "Renamed"}]
)
async def test_patch_with_attributes_answers_the_group(
    product: Product, scim: Scim, operation: dict[str, Any], condition: str | None
) -> None:
    """RFC 7644, 3.5.2: 200 with what was asked for, as a read right after it shows it, whatever was changed."""
    path = f"/Groups/{await created(scim, members=[{'value': 'u1'}])}"
    body = {"schemas": [PATCH_OP], "Operations": [operation]}
    headers = {"If-Match": condition} if condition else {}
    for part in ("attributes=displayName", "attributes=members.value", "excludedAttributes=members,externalId"):
        reply = await scim.send("PATCH", f"{path}?{part}", body, headers=headers)

        read = await scim.get(f"{path}?{part}")
        assert (reply.status, reply.body, reply.headers["ETag"]) == (200, read.body, read.headers["ETag"])
    both = f"{path}?attributes=members&excludedAttributes=id"
    assert (await scim.patch(both, add("u9"))).status == 400
    assert "u9" not in str((await scim.get(path)).body)


@pytest.mark.parametrize("callers", [64, 2_000])
async def test_adds_at_once_over_two_gateways_are_all_kept(product: Product, scim: Scim, callers: int) -> None:
    """Each of many one-member adds is answered 204; the log names each member exactly once."""
    group_id = await created(scim)
    clients = [product.at(scim, 0), product.at(scim, 1)]
    replies = await asyncio.gather(
        *(clients[number % 2].patch(f"/Groups/{group_id}", add(f"u{number}")) for number in range(callers))
    )

    assert Counter(reply.status for reply in replies) == {204: callers}
    facts = await on_members(product, scim, group_id)
    values = Counter(value for _, fact in facts if isinstance(fact, MembersAdded) for value in fact.values)
    assert values == {f"u{number}": 1 for number in range(callers)}
    previous = 0
    for stored, _ in facts:
        prev = int(stored.headers["ce-prev"])
        assert previous == (prev if prev >= 0 else stored.sequence + prev)
        previous = stored.sequence


async def test_deleted_group_is_404_and_its_name_is_free(product: Product, scim: Scim) -> None:
    """After a deletion every request on the group is 404, at both gateways; another group may take the name."""
    group_id = await created(scim, members=[{"value": "u1"}])
    path = f"/Groups/{group_id}"
    assert (await product.at(scim, 1).patch(path, add("u2"))).status == 204

    assert (await scim.delete(path)).status == 204
    for client in (scim, product.at(scim, 1)):
        assert (await client.patch(path, add("u3"))).status == 404
        assert (await client.patch(path, {"op": "Remove", "path": "members", "value": []})).status == 404
        assert (await client.patch(path, {"op": "replace", "path": "displayName", "value": "x"})).status == 404
        assert (await client.put(path, group())).status == 404
        assert (await client.get(f"{path}?excludedAttributes=members")).status == 404
        assert (await client.delete(path)).status == 404
    assert isinstance((await on_members(product, scim, group_id))[-1][1], MembersClosed)
    assert (await scim.post("/Groups", group())).status == 201


async def test_deletion_may_win_the_race(product: Product, scim: Scim) -> None:
    """Of additions at the same time each is 204 and stands before the end, or 404 and stands nowhere."""
    group_id = await created(scim)
    clients = [product.at(scim, 0), product.at(scim, 1)]
    *added, deleted = await asyncio.gather(
        *(clients[number % 2].patch(f"/Groups/{group_id}", add(f"u{number}")) for number in range(30)),
        clients[1].delete(f"/Groups/{group_id}"),
    )

    assert deleted.status == 204
    assert {reply.status for reply in added} <= {204, 404}
    facts = [fact for _, fact in await on_members(product, scim, group_id)]
    kept = {value for fact in facts if isinstance(fact, MembersAdded) for value in fact.values}
    assert kept == {f"u{number}" for number, reply in enumerate(added) if reply.status == 204}
    assert isinstance(facts[-1], MembersClosed)


async def test_names_of_groups_are_unique_without_case(product: Product, scim: Scim) -> None:
    """A taken displayName is 409 for POST, PUT and PATCH at either gateway; nothing of the request is applied."""
    await created(scim)
    other = await created(scim, displayName="Others")
    second = product.at(scim, 1)
    rename = {"op": "replace", "path": "displayName", "value": "LEARNERS"}
    for reply in (
        await second.post("/Groups", group("learners")),
        await second.put(f"/Groups/{other}", group("learners", members=[{"value": "u1"}])),
        await second.patch(f"/Groups/{other}", add("u1"), rename),
    ):
        assert (reply.status, reply.body["scimType"]) == (409, "uniqueness")
    assert await on_members(product, scim, other) == []
    stranger = await product.new_tenant()
    assert (await stranger.post("/Groups", group())).status == 201
    assert (await stranger.patch(f"/Groups/{other}", add("u1"))).status == 404


async def test_nested_groups_are_refused_and_nothing_is_applied(product: Product, scim: Scim) -> None:
    """A group as a member is 400 invalidValue, in a PATCH, a PUT and a POST."""
    group_id = await created(scim)
    nested = await created(scim, displayName="Nested")
    for reply in (
        await scim.patch(f"/Groups/{group_id}", add("u1"), add(nested)),
        await scim.put(f"/Groups/{group_id}", group("Renamed", members=[{"value": nested}])),
        await scim.post("/Groups", group("Third", members=[{"value": "x", "type": "Group"}])),
    ):
        assert (reply.status, reply.body["scimType"]) == (400, "invalidValue")
        assert "nested groups are not supported" in reply.body["detail"]
    assert await on_members(product, scim, group_id) == []
    assert (await scim.get(f"/Groups/{group_id}?excludedAttributes=members")).body["displayName"] == "Learners"


async def test_many_members_are_committed_at_once(product: Product, scim: Scim) -> None:
    """A PUT of 2,500 is answered as sent; the log has its chunks, and one fact that replaces the members."""
    group_id = await created(scim, members=[{"value": "before"}])
    values = [f"u{number}" for number in range(2_500)]
    reply = await scim.put(f"/Groups/{group_id}", group(members=[{"value": value} for value in values]))

    assert reply.status == 200
    assert [member["value"] for member in reply.body["members"]] == values
    *_, (stored, replaced) = await on_members(product, scim, group_id)
    assert isinstance(replaced, MembersReplaced)
    assert replaced.staging is not None
    assert reply.body["meta"]["version"].endswith(f'.{stored.sequence}"')
    tenant = await tenant_of(product, scim)
    partition = partition_of(tenant, product.partitions)
    end = await product.log.last(partition, subjects.group_staging(partition, tenant, group_id, replaced.staging))
    assert end is not None
    assert decode_fact(end.headers, end.body) == StagingCommitted(group_id, replaced.staging, 3)
    assert end.sequence == stored.sequence - 1


async def test_conditions_hold_for_head_and_members(scim: Scim) -> None:
    """If-Match with an old version is 412 after a change of either; with the present one the write is stored."""
    reply = await scim.post("/Groups", group())
    path, first = f"/Groups/{reply.body['id']}", reply.headers["ETag"]
    assert (await scim.send("GET", path, headers={"If-None-Match": first})).status == 304

    await scim.patch(path, add("u1"))
    assert (await scim.send("GET", path, headers={"If-None-Match": first})).status == 200
    second = (await scim.get(path)).headers["ETag"]
    assert first != second
    message = {"schemas": [PATCH_OP], "Operations": [add("u2")]}
    for method, body in (("PATCH", message), ("PUT", group()), ("DELETE", None)):
        assert (await scim.send(method, path, body, headers={"If-Match": first})).status == 412
    assert (await scim.send("PATCH", path, message, headers={"If-Match": second})).status == 204
    assert (await scim.send("PUT", path, group("New"), headers={"If-Match": "*"})).status == 200
    third = (await scim.get(path)).headers["ETag"]
    assert (await scim.send("DELETE", path, headers={"If-Match": third})).status == 204


_RENAME = {"op": "replace", "path": "displayName", "value": "Renamed"}
_MANY = [{"value": f"m{number}"} for number in range(2_500)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("PUT", group(members=[{"value": "u2"}])), ("PATCH", [_RENAME]), id="members replaced, name"),
        pytest.param(("PUT", group(members=_MANY)), ("PATCH", [_RENAME]), id="many members replaced, name"),
        pytest.param(("PATCH", [add("u2")]), ("PATCH", [_RENAME]), id="member added, name"),
        pytest.param(
            ("PATCH", [remove("u1"), add("u2")]),
            ("PATCH", [{"op": "replace", "path": "externalId", "value": "e"}]),
            id="members changed, externalId",
        ),
        pytest.param(("PATCH", [add("u2")]), ("PATCH", [add("u3")]), id="two members added"),
        pytest.param(("DELETE", None), ("PATCH", [add("u2")]), id="deletion, member added"),
        pytest.param(("DELETE", None), ("PATCH", [_RENAME]), id="deletion, name"),
    ],
)
async def test_one_of_two_writes_with_one_tag_wins(
    product: Product, scim: Scim, one: tuple[str, Any], other: tuple[str, Any]
) -> None:
    """Whatever either changes, at two gateways: the other is 412, or 404 behind a deletion, and has changed nothing."""
    clients = [scim, product.at(scim, 1)]
    for turn in range(4):
        path = f"/Groups/{await created(scim, members=[{'value': 'u1'}])}"
        before = await scim.get(path)
        tag = {"If-Match": before.headers["ETag"]}
        bodies = [
            {"schemas": [PATCH_OP], "Operations": body} if method == "PATCH" else body for method, body in (one, other)
        ]

        replies = await asyncio.gather(
            *(
                clients[(turn + place) % 2].send(method, path, body, headers=tag)
                for place, ((method, _), body) in enumerate(zip((one, other), bodies, strict=True))
            )
        )

        won = [reply.status in {200, 204} for reply in replies]
        assert sorted(won) == [False, True], replies
        winner, refused = (one, replies[1]) if won[0] else (other, replies[0])
        assert refused.status == (404 if winner[0] == "DELETE" else 412)
        if winner[0] != "DELETE":
            after = (await scim.get(path)).body
            changed = {
                name for name in ("displayName", "externalId", "members") if after.get(name) != before.body.get(name)
            }
            assert changed == _changed_by(*winner)
            assert (await scim.delete(path)).status == 204


def _changed_by(method: str, body: Any) -> set[str]:
    if method == "PUT":
        return {"members"}
    return {"members" if operation["path"].startswith("members") else operation["path"] for operation in body}


async def test_limits_of_groups_are_not_those_of_users(scim: Scim) -> None:
    """A group may have more than a MiB and 100 operations; who has no token is told so before a body is read."""
    path = f"/Groups/{await created(scim)}"
    assert (await scim.patch(path, *(add(f"u{number}") for number in range(101)))).status == 204
    large = group(members=[{"value": f"u{number}", "display": "x" * 500} for number in range(3_000)])
    assert (await scim.put(path, large)).status == 200
    stranger = await scim.send("PUT", path, raw=b"x" * 40 * 1024**2, headers={"Authorization": "Bearer x"})
    assert stranger.status == 401
