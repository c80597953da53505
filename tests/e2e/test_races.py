"""Races over two gateway processes: one of many wins a name, and of changes at the same time none is lost."""

import asyncio
from collections import Counter

import pytest

from support.audit import audit
from support.fleet import Fleet
from support.people import somebody

pytestmark = pytest.mark.timeout(180)


async def test_one_of_a_thousand_gets_the_name(fleet: Fleet) -> None:
    """1,000 simultaneous POSTs of one userName, in many spellings: one 201, all others 409 uniqueness, one row."""
    tenant = await fleet.new_tenant()
    clients = fleet.everywhere(tenant)
    spellings = ["ada@contoso.com", "ADA@contoso.com", "Ada@Contoso.Com"]
    replies = await asyncio.gather(
        *(
            clients[number % 2].post("/Users", somebody(number, userName=spellings[number % 3]))
            for number in range(1000)
        )
    )
    assert Counter(reply.status for reply in replies) == {201: 1, 409: 999}
    assert {reply.body["scimType"] for reply in replies if reply.status == 409} == {"uniqueness"}
    (created,) = [reply.body for reply in replies if reply.status == 201]
    evidence = await audit(fleet.settings)
    (row,) = [row for row in evidence.rows if row["id"] == created["id"]]
    assert [other["id"] for other in evidence.rows if other["tenant"] == row["tenant"]] == [created["id"]]


async def test_both_changes_of_a_pair_are_kept(fleet: Fleet) -> None:
    """200 pairs of PATCHes at once on different attributes of one person, one at each gateway: all 200, all kept."""
    tenant = await fleet.new_tenant()
    first, second = fleet.everywhere(tenant)
    path = f"/Users/{(await tenant.created(somebody(1)))['id']}"
    for number in range(200):
        replies = await asyncio.gather(
            first.patch(path, {"op": "replace", "path": "title", "value": f"title {number}"}),
            second.patch(path, {"op": "replace", "path": "nickName", "value": f"name {number}"}),
        )
        assert [reply.status for reply in replies] == [200, 200]
        kept = (await tenant.get(path)).body
        assert (kept["title"], kept["nickName"]) == (f"title {number}", f"name {number}")
    await audit(fleet.settings)


async def test_pairs_of_changes_on_many_people_at_once_are_kept(fleet: Fleet) -> None:
    """200 people, each changed at both gateways while all the others are: all 200, all kept."""
    tenant = await fleet.new_tenant()
    first, second = fleet.everywhere(tenant)
    people = await asyncio.gather(*(tenant.created(somebody(number)) for number in range(200)))
    replies = await asyncio.gather(
        *(
            client.patch(f"/Users/{person['id']}", {"op": "replace", "path": path, "value": f"{path} {number}"})
            for number, person in enumerate(people)
            for client, path in ((first, "title"), (second, "nickName"))
        )
    )
    assert Counter(reply.status for reply in replies) == {200: 400}
    for number, person in enumerate(people):
        kept = (await tenant.get(f"/Users/{person['id']}")).body
        assert (kept["title"], kept["nickName"]) == (f"title {number}", f"nickName {number}")
    await audit(fleet.settings)


async def test_64_changes_at_once_on_one_person_are_all_kept(fleet: Fleet) -> None:
    """64 PATCHes at once, each adding a phone number: all 200, all numbers there, one fact and one change for each."""
    tenant = await fleet.new_tenant()
    clients = fleet.everywhere(tenant)
    person = await tenant.created(somebody(1))
    numbers = [f"+1 555 {number:04}" for number in range(64)]
    replies = await asyncio.gather(
        *(
            clients[place % 2].patch(
                f"/Users/{person['id']}",
                {"op": "add", "path": "phoneNumbers", "value": [{"type": "other", "value": number}]},
            )
            for place, number in enumerate(numbers)
        )
    )
    assert Counter(reply.status for reply in replies) == {200: 64}
    kept = (await tenant.get(f"/Users/{person['id']}")).body
    assert sorted(phone["value"] for phone in kept["phoneNumbers"]) == numbers
    evidence = await audit(fleet.settings)
    assert [change.type for change in evidence.changes if change.person == person["id"]] == [
        "user.created.v1",
        *["user.updated.v1"] * 64,
    ]
