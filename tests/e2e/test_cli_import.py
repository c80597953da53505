"""`rollbook import` as an operator runs it: compared, applied through the gateway, taken up after a kill."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from rollbook.control.imports import only_import
from support.commands import lines, rollbook, started
from support.product import Product, tenant_name
from support.scim import Scim

pytestmark = pytest.mark.timeout(180)

EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"
EXAMPLE = str(EXAMPLES / "directory.jsonl")
REGIONS = ("US-East", "US-West", "EMEA", "APAC")
ILMS = "urn:ietf:params:scim:schemas:extension:ilms:2.0:User"


@pytest.fixture
async def scim(product: Product) -> Scim:
    """Lend a tenant of its own, with the regions that the examples name."""
    return await product.new_tenant(regions=REGIONS)


async def tenant_id(product: Product, scim: Scim) -> str:
    return (await product.tenants().get(tenant_name(scim))).tenant


async def imported(product: Product, scim: Scim, *arguments: str) -> dict[str, Any]:
    """Import with --json; return the summary, the test fails unless the exit status is 0."""
    found = await lines(product, "import", *arguments, "--tenant", tenant_name(scim))
    return found[-1]


async def members(product: Product, scim: Scim) -> set[tuple[str, str]]:
    """Return who is a member of what, by names."""
    rows = await product.database.fetch(
        "SELECT g.display_name, u.user_name FROM lms.group_members AS m "
        "JOIN lms.groups AS g ON (g.tenant, g.id) = (m.tenant, m.group_id) "
        "JOIN lms.users AS u ON (u.tenant, u.id) = (m.tenant, m.user_id) WHERE m.tenant = $1",
        await tenant_id(product, scim),
    )
    return {tuple(row) for row in rows}


def directory(folder: Path, people: int) -> str:
    """Write a snapshot of so many people, each with the one before as manager, in two groups."""
    found: list[dict[str, Any]] = []
    for number in range(people):
        name = f"p{number}@example.org"
        found += [
            {"type": "membership", "group": f"g{number % 2}", "member": f"e-{number}"},
            {"type": "user", "userName": name, "externalId": f"e-{number}", ILMS: {"region": "EMEA"}},
        ]
        if number:
            found.append({"type": "manager", "user": name, "manager": f"e-{number - 1}"})
    found += [{"type": "group", "displayName": f"g{number}"} for number in range(2)]
    path = folder / "all.jsonl"
    path.write_bytes(b"\n".join(msgspec.json.encode(line) for line in found))
    return str(path)


async def test_the_example_is_imported_and_a_second_import_changes_nothing(product: Product, scim: Scim) -> None:
    """In either format: people, groups, members, managers, and the one who waits."""
    summary = await imported(product, scim, EXAMPLE)
    assert summary["done"] == summary["differences"]
    assert {name: count for name, count in summary["done"].items() if count} == {
        "users_created": 3,
        "groups_created": 2,
        "members_added": 5,
        "managers_set": 1,
    }
    assert (summary["remaining"], summary["waiting"]) == (0, 1)
    assert await members(product, scim) == {
        ("Data Protection", "ada@example.org"),
        ("Data Protection", "grace@example.org"),
        ("Fire Safety", "grace@example.org"),
        ("Fire Safety", "jean@example.org"),
    }
    rows = {
        row["user_name"]: row
        for row in await product.database.fetch(
            "SELECT id, user_name, active, manager_id FROM lms.users WHERE tenant = $1", await tenant_id(product, scim)
        )
    }
    assert rows["ada@example.org"]["manager_id"] == rows["grace@example.org"]["id"]
    assert rows["jean@example.org"]["active"] is False
    again = await imported(product, scim, *(str(EXAMPLES / f"{name}.csv") for name in ("people", "groups", "members")))
    assert not any(again["differences"].values())


async def test_a_dry_run_changes_nothing(product: Product, scim: Scim) -> None:
    """It shows what would be done, and needs no gateway."""
    status, printed, said = await rollbook(product, "import", EXAMPLE, "--tenant", tenant_name(scim), "--dry-run", "-v")
    assert status == 0
    assert "create user ada@example.org" in printed
    assert "Nothing was changed" in said
    assert "1 members and managers name nobody" in said
    assert await scim.find('userName eq "ada@example.org"') == []


async def test_bad_lines_are_all_listed_and_nothing_is_applied(product: Product, scim: Scim, tmp_path: Path) -> None:
    """With their numbers, the tenant's rules included; exit status 2."""
    path = tmp_path / "bad.jsonl"
    region = {ILMS: {"region": "EMEA"}}
    bodies = [
        {"type": "user", "userName": "good@x", **region},
        {"type": "user", "userName": "lost@x", ILMS: {"region": "Atlantis"}},
        {"type": "person"},
        {"type": "membership", "group": "Nowhere", "member": "good@x"},
    ]
    path.write_bytes(b"\n".join(msgspec.json.encode(body) for body in bodies))
    spoilt = tmp_path / "open_quote.csv"
    spoilt.write_text('userName,region\nada,EMEA\nbob,"EMEA\ncy,EMEA\n')
    files = (str(path), str(spoilt))
    tenant = ("--tenant", tenant_name(scim))
    status, printed, said = await rollbook(product, "import", *files, *tenant, "--deactivate-missing", "--json")
    assert status == 2
    assert [msgspec.json.decode(line)["line"] for line in printed.splitlines()] == [2, 3, 4, 3]
    assert f'{path}:2: region "Atlantis" is not allowed here. Allowed values: US-East' in said
    assert f"{spoilt}:3: a quote opens in this row and is not closed" in said
    assert "nothing was applied." in said
    assert await scim.find('userName eq "good@x"') == []


@pytest.mark.parametrize(
    "arguments", [("x.jsonl",), (__file__,), (str(EXAMPLES / "groups.csv"), "--deactivate-missing")]
)
async def test_wrong_usage(product: Product, scim: Scim, arguments: tuple[str, ...]) -> None:
    """A file that is not there, one of another kind, and a snapshot that would deactivate everybody."""
    status, _, _ = await rollbook(product, "import", *arguments, "--tenant", tenant_name(scim))
    assert status == 2


def without_grace(folder: Path) -> Path:
    """Write the example as it were without one of its people."""
    less = folder / "less.jsonl"
    kept = [line for line in Path(EXAMPLE).read_text().splitlines() if "grace" not in line and "1002" not in line]
    less.write_text("\n".join(kept).replace("Grace Hopper", "ada@example.org"))
    return less


async def test_what_is_missing_goes_only_where_that_is_asked_for(product: Product, scim: Scim, tmp_path: Path) -> None:
    """People are deactivated, members removed; nothing is ever deleted."""
    await imported(product, scim, EXAMPLE)
    less = without_grace(tmp_path)
    summary = await imported(product, scim, str(less))
    assert summary["left_alone"] == {"users": 1, "groups": 0, "members": 2}
    summary = await imported(product, scim, str(less), "--deactivate-missing", "--remove-missing-members")
    assert {name: count for name, count in summary["done"].items() if count} == {
        "users_deactivated": 1,
        "members_removed": 2,
    }
    [grace] = await scim.find('userName eq "grace@example.org"')
    assert grace["active"] is False
    assert await members(product, scim) == {("Data Protection", "ada@example.org"), ("Fire Safety", "jean@example.org")}


async def test_an_import_that_is_killed_is_completed_by_the_next(
    product: Product, scim: Scim, tmp_path: Path, rounds: int
) -> None:
    """Nobody is there twice, and no token is left."""
    path, tenant = directory(tmp_path, 400), await tenant_id(product, scim)
    for number in range(rounds):
        process = await started(product, "import", path, "--tenant", tenant_name(scim))
        await rows_beyond(product, tenant, min(60 * (number + 1), 360))
        process.kill()
        await process.communicate()
    assert (await imported(product, scim, path))["remaining"] == 0
    rows = await product.database.fetch("SELECT user_name, manager_id FROM lms.users WHERE tenant = $1", tenant)
    assert Counter(row["user_name"] for row in rows) == Counter(f"p{number}@example.org" for number in range(400))
    assert sum(row["manager_id"] is None for row in rows) == 1
    assert len(await members(product, scim)) == 400
    created = await product.database.fetchval("SELECT count(*) FROM lms.groups WHERE tenant = $1", tenant)
    assert created == 2
    revoked = await product.database.fetch(
        "SELECT revoked_at FROM control.tokens WHERE tenant = $1 AND label = 'rollbook import'", tenant
    )
    assert revoked, "the first one sent people"  # a later one may have been killed before it asked for a token
    assert all(row["revoked_at"] is not None for row in revoked)


async def rows_beyond(product: Product, tenant: str, count: int) -> None:
    """Wait until the tables hold so many people."""
    async with asyncio.timeout(30):
        query = "SELECT count(*) FROM lms.users WHERE tenant = $1"
        while await product.database.fetchval(query, tenant) < count:  # noqa: ASYNC110  # another process makes them
            await asyncio.sleep(0.01)


async def test_a_tenant_has_one_import_at_a_time(product: Product, scim: Scim) -> None:
    """Two would not know of each other's creations."""
    now = (await product.database.fetchrow("SELECT now()"))[0]
    other = await asyncpg.connect(product.stack.database_url)
    try:
        async with only_import(other, await tenant_id(product, scim), now=now):
            status, _, said = await rollbook(product, "import", EXAMPLE, "--tenant", tenant_name(scim))
    finally:
        await other.close()
    assert status == 1
    assert "Another `rollbook import` runs for this tenant" in said
