"""The law of references: whatever order a directory is told in, who is whose member and manager comes out the same."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from support.consumer import outcome, told
from support.directories import Directory, directories, in_order, link, script_of
from support.stored_log import MISHAPS, Applier, StoredLog, apply_in_batches, empty

CUTS = st.lists(st.tuples(st.integers(1, 25), st.sampled_from(("", "", *MISHAPS))), min_size=1)
PRIORITIES = st.lists(st.integers(0, 5), min_size=1, max_size=12)

WITHOUT_TIME = {
    "lms.users": "id, user_name, email, employee_id, external_id, display_name, active, manager_id, document",
    "lms.deleted_users": "id",
    "lms.groups": "id, display_name, document",
    "lms.group_members": "group_id, user_id, by_id, named",
    "lms.sent_references": "kind, holder_id, value, value_folded, rank, user_id, target_deleted",
    "provisioning.stagings": "group_id, staging",
    "provisioning.staged_members": "group_id, staging, chunk",
    "provisioning.parked": "seq",
}
"""Each table's columns that say nothing of when."""


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Lend a connection to the test's database."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def rows(database: asyncpg.Connection) -> dict[str, list[dict[str, Any]]]:
    """Return all tables but for sequences and times."""
    return {
        table: [dict(row) for row in await database.fetch(f"SELECT {columns} FROM {table} ORDER BY {columns}")]
        for table, columns in WITHOUT_TIME.items()
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(directory=directories(), priorities=PRIORITIES, cuts=CUTS)
async def test_any_order_that_respects_cause_gives_the_same_tables(
    database: asyncpg.Connection, directory: Directory, priorities: list[int], cuts: list[tuple[int, str]]
) -> None:
    """Also cut into any batches, with crashes and redelivery; links are those of the naive reading of the tables."""
    await apply_in_batches(database, script_of(in_order(directory, [])), [(500, "")])
    expected = await rows(database)
    assert_links_are_right(expected)
    assert await outcome(database) == await told(database)

    await apply_in_batches(database, script_of(in_order(directory, priorities)), cuts)

    assert await rows(database) == expected
    assert await outcome(database) == await told(database)
    event(f"members {bool(expected['lms.group_members'])}")
    event(f"deleted {bool(expected['lms.deleted_users'])}")


SHOWN = """
    SELECT id, shown_seq,
           ARRAY(SELECT member.user_id || ' ' || coalesce(person.display_name, person.user_name)
                 FROM lms.group_members AS member JOIN lms.users AS person
                   ON (person.tenant, person.id) = (member.tenant, member.user_id)
                 WHERE member.tenant = groups.tenant AND member.group_id = groups.id ORDER BY 1),
           ARRAY(SELECT value FROM lms.sent_references AS sent
                 WHERE sent.tenant = groups.tenant AND sent.kind = 'member' AND sent.holder_id = groups.id
                   AND sent.user_id IS NULL ORDER BY 1)
    FROM lms.groups"""


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(directory=directories(), priorities=PRIORITIES)
async def test_a_group_knows_which_fact_changed_what_it_shows(
    database: asyncpg.Connection, directory: Directory, priorities: list[int]
) -> None:
    """Whosever fact it is: it is the last after which members or their names differ; members' facts that change nothing
    do not count.
    """
    log = StoredLog(script_of(in_order(directory, priorities)).messages)
    await empty(database)
    applier = Applier(database, log)
    await applier.begin()
    before: dict[str, tuple[int, Any]] = {}
    for message in log.messages:
        await applier.apply(1)

        after = {group: (at, shown) for group, at, *shown in await database.fetch(SHOWN)}
        for group, (at, shown) in after.items():
            last, shown_before = before.get(group, (0, [[], []]))
            if shown != shown_before:
                assert at == message.sequence
            elif ".user." not in message.subject:
                assert at == last
        before = after


def assert_links_are_right(tables: dict[str, list[dict[str, Any]]]) -> None:
    """Each reference names whom it should, so nothing waits whose target is there; what follows from that, follows."""
    people, sent = tables["lms.users"], tables["lms.sent_references"]
    gone = {row["id"] for row in tables["lms.deleted_users"]}
    present = {row["id"] for row in people}
    for reference in sent:
        assert reference["user_id"] == link(reference["value"], people, gone), reference
        assert reference["target_deleted"] == (reference["value"] in gone), reference
        if reference["kind"] == "member":
            assert reference["value"] not in present | gone, reference
    managers = sorted(
        (row for row in sent if row["kind"] == "manager" and row["user_id"]), key=lambda row: -row["rank"]
    )
    assert {row["id"]: row["manager_id"] for row in people} == dict.fromkeys(present) | {
        row["holder_id"]: row["user_id"] for row in managers
    }
    named = Counter((row["holder_id"], row["user_id"]) for row in sent if row["kind"] == "member" and row["user_id"])
    rows_named = {
        (row["group_id"], row["user_id"]): row["named"] for row in tables["lms.group_members"] if row["named"]
    }
    assert rows_named == named
    for row in tables["lms.group_members"]:
        assert row["user_id"] in present, row
        assert row["by_id"] or row["named"] > 0, row
