"""What identity providers match by is found through an index, however many people there are."""

import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from rollbook.embedded.postgres import Postgres
from rollbook_contracts.urns import ENTERPRISE
from rollbook_gateway.search.compile import compile_filter
from rollbook_gateway.search.database import open_pool
from rollbook_gateway.search.statement import OWN_PARAMETERS, PERSON, matching
from support import servers
from support.projecting import until
from support.searched_people import id_of, insert_people, new_tenant
from support.searching import PARTITION, condition

PEOPLE = 20_000

MATCHING = [
    ('userName eq "p7@x.example"', {"users_by_user_name"}),
    ('externalId eq "x7"', {"users_by_external_id"}),
    (f'{ENTERPRISE}:employeeNumber eq "7"', {"users_by_employee_id"}),
    (f'id eq "{id_of(7)}"', {"users_pkey"}),
    (f'id eq "{id_of(7)}" and manager eq "usr_7"', {"users_pkey"}),
    ('emails[type eq "work"].value eq "p7@x.example"', {"users_by_email", "users_by_extra_email"}),
    ('emails[type eq "home"].value eq "h8@x.example"', {"users_by_email", "users_by_extra_email"}),
    ('emails eq "p7@x.example"', {"users_by_email", "users_by_extra_email"}),
    ('userName eq "p7@x.example" and active eq true', {"users_by_user_name"}),
    ('userName eq "p7@x.example" or externalId eq "x7"', {"users_by_user_name", "users_by_external_id"}),
]


@pytest.fixture(scope="module")
async def crowd(postgres: Postgres) -> AsyncIterator[tuple[str, str]]:
    """Lend a database with a tenant of very many people, every other of whom has two e-mail addresses."""
    tenant = new_tenant()
    async with servers.database(postgres) as url:
        connection = await asyncpg.connect(url)
        await insert_people(connection, tenant, [person(number) for number in range(PEOPLE)])
        await connection.close()
        yield url, tenant


def person(number: int) -> dict[str, Any]:
    """Return one of the crowd."""
    emails = [{"value": f"p{number}@x.example", "type": "work", "primary": True}]
    if number % 2 == 0:
        emails.append({"value": f"h{number}@x.example", "type": "home"})
    return {
        "userName": f"p{number}@x.example",
        "externalId": f"x{number}",
        "emails": emails,
        ENTERPRISE: {"employeeNumber": str(number), "manager": {"value": f"usr_{number}"}},
    }


@pytest.mark.parametrize("analyzed", [False, True], ids=["without statistics", "with statistics"])
@pytest.mark.parametrize(("text", "indexes"), MATCHING)
async def test_matching_reads_a_few_rows_through_an_index(
    crowd: tuple[str, str], text: str, indexes: set[str], analyzed: bool
) -> None:
    """One person is found by reading one, in a plan that is kept for all filters of the shape."""
    url, tenant = crowd
    async with open_pool(url, size=1) as pool:
        if analyzed:
            await pool.execute("ANALYZE lms.users")
        scans = await scans_of_users(pool, tenant, text)

    assert {scan["Index Name"] for scan in scans if "Index Name" in scan} == indexes
    assert all(scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0) <= 1 for scan in scans)


async def test_plan_made_for_nobody_is_not_kept_for_long(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was planned when there was nobody is planned again, even where PostgreSQL knows nothing of the table yet."""
    monkeypatch.setattr("rollbook_gateway.search.database.PLAN_SECONDS", 0.5)
    tenant = new_tenant()
    compiled = compile_filter(condition('userName eq "p7@x.example"'), after=OWN_PARAMETERS)
    search = (matching(PERSON, compiled.sql, selective=True), tenant, PARTITION, 100, 0, *compiled.parameters)
    async with open_pool(database_url, size=1) as pool:
        await pool.fetch(*search)
        async with pool.acquire() as connection:
            await insert_people(connection, tenant, [person(number) for number in range(2000)])

        async def reads_one() -> bool:
            before = await index_entries_read(pool)
            await pool.fetch(*search)
            return await index_entries_read(pool) - before == 1

        await until(reads_one, within=10)


async def index_entries_read(pool: asyncpg.Pool) -> int:
    """Return how many entries of the indexes on people the pool's only session has read."""
    await pool.execute("SELECT pg_stat_force_next_flush()")
    read = await pool.fetchval("SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE relname = 'users'")
    return int(read)


async def scans_of_users(pool: asyncpg.Pool, tenant: str, text: str) -> list[dict[str, Any]]:
    """Run a search and return those nodes of its plan that read people."""
    compiled = compile_filter(condition(text), after=OWN_PARAMETERS)
    statement = matching(PERSON, compiled.sql, selective=compiled.selective)
    answer = await pool.fetchval(
        f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", tenant, PARTITION, 100, 0, *compiled.parameters
    )
    return [node for node in nodes(json.loads(answer)[0]["Plan"]) if reads_users(node)]


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a plan's nodes."""
    return [plan, *(node for below in plan.get("Plans", ()) for node in nodes(below))]


def reads_users(node: dict[str, Any]) -> bool:
    """Tell whether a node scans ``lms.users`` or one of its indexes."""
    return node.get("Relation Name") == "users" or str(node.get("Index Name", "")).startswith("users_")
