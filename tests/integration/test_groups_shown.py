"""What `rollbook groups`, `group show` and `pending` read from the tables."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from rollbook.control import groups
from rollbook.errors import CommandError
from support import lms_rows

ACME, OTHER = "ten_acme", "ten_other"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Lend a database with two tenants: three people of one, a group of each."""
    connection = await asyncpg.connect(database_url)
    await lms_rows.tenant(connection, ACME, "acme")
    await lms_rows.tenant(connection, OTHER, "other")
    for name in ("ada", "bob", "cy"):
        await lms_rows.user(connection, ACME, f"usr_{name}", {"userName": name, "displayName": name.title()})
    await lms_rows.group(connection, ACME, "grp_1", "Learners", external_id="x1")
    await lms_rows.group(connection, OTHER, "grp_2", "LEARNERS")
    try:
        yield connection
    finally:
        await connection.close()


def shown(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


async def test_a_group_is_shown_with_its_members_and_those_who_are_waited_for(database: asyncpg.Connection) -> None:
    """Counted in the head, listed by name and by the value that was sent."""
    await lms_rows.member(database, ACME, "grp_1", "usr_bob")
    await lms_rows.member(database, ACME, "grp_1", "usr_ada", by_id=False, named=1)
    await lms_rows.reference(database, ACME, "member", "grp_1", "ada", "usr_ada")
    await lms_rows.reference(database, ACME, "member", "grp_1", "dan@x")
    rows = await groups.groups(database, None, limit=10)
    assert shown(rows, "tenant_name", "id", "display_name", "external_id", "members", "waiting") == [
        ("acme", "grp_1", "Learners", "x1", 2, 1),
        ("other", "grp_2", "LEARNERS", None, 0, 0),
    ]
    found = await groups.group(database, "learners", "acme")
    assert found.head["id"] == "grp_1"
    assert shown(list(found.members), "user_name", "user_id", "by_id") == [
        ("ada", "usr_ada", False),
        ("bob", "usr_bob", True),
    ]
    assert shown(list(found.waiting), "value", "since") == [("dan@x", lms_rows.LONG_AGO)]
    assert (await groups.group(database, "grp_2", None)).head["tenant_name"] == "other"


async def test_a_name_of_no_group_or_of_two_is_refused(database: asyncpg.Connection) -> None:
    """The message says what to do next."""
    with pytest.raises(CommandError, match="There is no group 'Nobody'"):
        await groups.group(database, "Nobody", None)
    with pytest.raises(CommandError, match=r"2 groups are called 'Learners'.*--tenant \(acme, other\)"):
        await groups.group(database, "Learners", None)


async def test_what_waits_is_listed_with_who_has_it(database: asyncpg.Connection) -> None:
    """A manager waits for nobody where another of the person's values links, or where the person named is gone."""
    await lms_rows.reference(database, ACME, "member", "grp_1", "dan@x", since="2026-01-02T00:00:00.000000Z")
    await lms_rows.reference(database, ACME, "manager", "usr_ada", "The Boss")
    await lms_rows.reference(database, ACME, "manager", "usr_bob", "usr_gone", target_deleted=True)
    await lms_rows.user(database, ACME, "usr_eve", {"userName": "eve"}, manager_id="usr_ada")
    await lms_rows.reference(database, ACME, "manager", "usr_eve", "Nobody", rank=0)
    await lms_rows.reference(database, ACME, "manager", "usr_eve", "ada", "usr_ada", rank=1)
    found = ("kind", "value", "holder_id", "holder_name", "state")
    manager = ("manager", "The Boss", "usr_ada", "Ada", "pending")
    member = ("member", "dan@x", "grp_1", "Learners", "pending")
    gone = ("manager", "usr_gone", "usr_bob", "Bob", "target deleted")
    assert shown(await groups.pending(database, "acme"), *found) == [manager, member]
    assert shown(await groups.pending(database, None, kind="member"), *found) == [member]
    assert shown(await groups.pending(database, None, deleted=True), *found) == [manager, gone, member]
    assert await groups.pending(database, "other") == []
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert shown(await groups.pending(database, None, before=noon), *found) == [manager]
