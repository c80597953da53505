"""Identity providers played by the book against the running product: the tables and the changes afterwards."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from rollbook.demo.entra import play_entra
from rollbook.demo.okta import play_okta
from rollbook.demo.result import DemoResult
from rollbook.demo.verification import findings
from rollbook_gateway.log.connection import connect
from support.evidence import entries, own
from support.product import Product, tenant_name
from support.scim import Scim

pytestmark = pytest.mark.timeout(180)

Play = Callable[..., Awaitable[DemoResult]]

REGIONS = ("US-East", "US-West", "EMEA", "APAC")
PEOPLE = 60
PLAYS = [pytest.param(play_entra, id="entra"), pytest.param(play_okta, id="okta")]


async def played(play: Play, scim: Scim, **options: Any) -> DemoResult:
    return await play(scim.tenant_url, scim.token, people=PEOPLE, progress=lambda _done, _steps: None, **options)


async def tenant_id(product: Product, scim: Scim) -> str:
    found: str = await product.database.fetchval("SELECT tenant FROM lms.tenants WHERE name = $1", tenant_name(scim))
    return found


async def histories(product: Product, scim: Scim, count: int) -> dict[str, tuple[str, ...]]:
    """Return the types of each person's own changes, in order, once there are as many in all; managers' links aside."""
    subject = f"lms.{await tenant_id(product, scim)}.user.>"
    client = await connect(product.stack.nats_url, name="tests")
    try:
        async with asyncio.timeout(30):
            while len(found := own(await entries(client, "CHANGES", subject))) < count:  # noqa: ASYNC110  # asked of a server
                await asyncio.sleep(0.05)
    finally:
        await client.close()
    by_person = defaultdict[str, tuple[str, ...]](tuple)
    for entry in found:
        by_person[entry.headers["ce-subject"]] += (entry.headers["ce-type"],)
    return dict(by_person)


async def assert_tables(product: Product, scim: Scim, expected: DemoResult) -> None:
    """Wait until the tables show the play, and compare them with it."""
    assert (await scim.get("/Users?count=0")).status == 200
    assert await findings(product.database, await tenant_id(product, scim), expected) == []


async def assert_rows(product: Product, scim: Scim, expected: DemoResult) -> None:
    rows = await product.database.fetch("SELECT * FROM lms.users WHERE tenant = $1", await tenant_id(product, scim))
    shown = {row["id"]: dict(row) for row in rows}
    assert expected.rows == {
        user_id: {name: row[name] for name in expected.rows.get(user_id, row)} for user_id, row in shown.items()
    }


@pytest.mark.parametrize("play", PLAYS)
async def test_a_play_ends_with_every_person_once_and_one_change_for_each_change(product: Product, play: Play) -> None:
    """Rows have the values of the provider's directory; each person's changes are those that were made, in order."""
    scim = await product.new_tenant(regions=REGIONS)
    result = await played(play, scim)
    assert len(result.rows) == PEOPLE + 1 - len(result.gone)
    assert set(result.changes) >= {"user.created.v1", "user.updated.v1", "user.deactivated.v1", "user.reactivated.v1"}
    assert result.histories == await histories(product, scim, sum(result.changes.values()))
    await assert_rows(product, scim, result)
    await assert_tables(product, scim, result)
    assert len(result.groups) == 6


@pytest.mark.parametrize("play", PLAYS)
async def test_a_play_can_be_played_again(product: Product, play: Play) -> None:
    """The second time everybody is found; nobody is there twice, and only real differences make changes."""
    scim = await product.new_tenant(regions=REGIONS)
    first = await played(play, scim)
    second = await played(play, scim)
    count = sum(first.changes.values()) + sum(second.changes.values())
    found = await histories(product, scim, count)
    ids = first.histories.keys() | second.histories.keys()
    assert found == {user_id: first.histories.get(user_id, ()) + second.histories.get(user_id, ()) for user_id in ids}
    assert second.changes["user.created.v1"] == len(first.gone)
    await assert_rows(product, scim, second)
    await assert_tables(product, scim, second)
    assert second.groups.keys() == first.groups.keys()


@pytest.mark.parametrize(
    ("matching", "identifier"), [("email", "email"), ("employeeNumber", "employee-id"), ("userName", "employee-id")]
)
async def test_entra_matches_by_what_makes_a_person_unique(product: Product, matching: str, identifier: str) -> None:
    """Tenants may know people by e-mail address or by employee number."""
    scim = await product.new_tenant(regions=REGIONS, unique_identifier=identifier)
    result = await played(play_entra, scim, matching=matching)
    await histories(product, scim, sum(result.changes.values()))
    await assert_rows(product, scim, result)
    assert (await played(play_entra, scim, matching=matching)).requests["match"] > PEOPLE


async def test_entra_asks_and_writes_as_it_does(product: Product) -> None:
    """One test of the connection; a filter or two, then a POST for each person; then groups, members, managers."""
    scim = await product.new_tenant(regions=REGIONS)
    requests = (await played(play_entra, scim)).requests
    joined = PEOPLE + 1
    assert requests["test connection"] == 1
    assert requests["create"] == joined
    assert requests["match"] == 2 * joined
    assert requests["set manager"] == joined - 1
    assert requests["delete"] >= 1
    assert requests["create group"] == 6
    assert requests["match group"] == 2 * 6
    assert requests["add members"] > 6
    assert requests["change group"] == 1
    assert requests["remove members"] >= 2


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_shuffled_play_ends_with_the_same_tables(product: Product, seed: int) -> None:
    """Members and managers come before the people they name, by other values than ids; they wait, and are linked."""
    scim = await product.new_tenant(regions=REGIONS)
    shuffled = await played(play_entra, scim, shuffled=Random(seed), groups=20)
    await assert_tables(product, scim, shuffled)
    sent = "SELECT count(*) FROM lms.sent_references WHERE tenant = $1 AND kind = 'member' AND user_id IS NOT NULL"
    assert await product.database.fetchval(sent, await tenant_id(product, scim)) > 50
    usual = await product.new_tenant(regions=REGIONS)
    in_order = await played(play_entra, usual, groups=20)
    names = [names_of_members(result) for result in (shuffled, in_order)]
    assert names[0] == names[1]


def names_of_members(result: DemoResult) -> dict[str, list[str]]:
    """Return each group's members by their userNames."""
    return {
        group.name: sorted(str(result.rows[user_id]["user_name"]) for user_id in group.members)
        for group in result.groups.values()
    }


async def test_a_table_that_is_otherwise_is_found(product: Product) -> None:
    """Each kind of difference is told."""
    scim = await product.new_tenant(regions=REGIONS)
    result = await played(play_okta, scim)
    group_id, group = next(item for item in result.groups.items() if item[1].members)
    user_id = min(group.members)
    wrong = replace(
        result,
        groups={group_id: group._replace(members=group.members - {user_id})},
        rows={**result.rows, user_id: {**result.rows[user_id], "region": "Atlantis"}},
        gone=frozenset({user_id}),
        managers={user_id: "usr_nobody"},
    )
    assert (await scim.get("/Users?count=0")).status == 200
    linked = await product.database.fetchval("SELECT manager_id FROM lms.users WHERE id = $1", user_id)
    assert await findings(product.database, await tenant_id(product, scim), wrong) == [
        f"{user_id}: region is {result.rows[user_id]['region']!r} instead of 'Atlantis'",
        f"{user_id} was deleted and is in the tables",
        f"group {group.name!r} lacks 0 members and has 1 that it must not have",
        f"{user_id} has manager {linked} instead of usr_nobody",
    ]
