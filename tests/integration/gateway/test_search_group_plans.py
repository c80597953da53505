"""Groups, their members and people's groups are read through indexes, however many there are."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from rollbook.embedded.postgres import Postgres
from rollbook_gateway.scim.compiled import group_schema, user_schema
from rollbook_gateway.scim.filters import parse_filter
from rollbook_gateway.search.compile import compile_filter
from rollbook_gateway.search.database import open_pool
from rollbook_gateway.search.group_columns import GROUPS
from rollbook_gateway.search.group_members import LINKED, PART, WAITING
from rollbook_gateway.search.statement import (
    GROUP,
    MEMBERSHIPS,
    OWN_PARAMETERS,
    PERSON,
    PERSON_WITH_GROUPS,
    Listed,
    matching,
)
from rollbook_gateway.search.user_columns import PEOPLE
from support import servers
from support.plans import Scans, scans
from support.searched_groups import Group, group_id_of, insert_groups
from support.searched_people import id_of, insert_people, new_tenant
from support.searching import PARTITION

COUNT = 3_000
EACH = 5
"""Members of a group, and groups of a person."""

MEMBERS = {"group_members_by_user", "sent_references_by_value"}

GROUP_FILTERS = [
    ('displayName eq "G7"', {"groups_by_display_name"}, 1),
    ('externalId eq "x7"', {"groups_by_external_id"}, 1),
    (f'id eq "{group_id_of(7)}"', {"groups_pkey"}, 1),
    ('displayName eq "g7" or externalId eq "x8"', {"groups_by_display_name", "groups_by_external_id"}, 2),
    (f'members eq "{id_of(7)}"', {*MEMBERS, "groups_pkey"}, EACH),
    (f'members[value eq "{id_of(7)}"]', {*MEMBERS, "groups_pkey"}, EACH),
    ('members.value eq "W7"', {*MEMBERS, "groups_pkey"}, 1),
]


@pytest.fixture(scope="module", params=[False, True], ids=["without statistics", "with statistics"])
async def crowd(postgres: Postgres, request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, str]]:
    """Lend a database with a tenant of very many people and groups."""
    tenant = new_tenant()
    async with servers.database(postgres) as url:
        connection = await asyncpg.connect(url)
        await insert_people(connection, tenant, [{"userName": f"p{number}"} for number in range(COUNT)])
        await insert_groups(connection, tenant, [group(number) for number in range(COUNT)])
        if request.param:
            await connection.execute("ANALYZE lms.users, lms.groups, lms.group_members, lms.sent_references")
        await connection.close()
        yield url, tenant


def group(number: int) -> Group:
    """Return one of the crowd, with members sent by id and one who waits."""
    people = tuple(id_of((number + place) % COUNT) for place in range(EACH))
    return Group({"displayName": f"G{number}", "externalId": f"x{number}"}, ids=people, sent={f"W{number}": None})


@pytest.fixture
async def pool(crowd: tuple[str, str]) -> AsyncIterator[asyncpg.Pool]:
    """Lend the searches' pool."""
    async with open_pool(crowd[0], size=1) as pool:
        yield pool


async def of_groups(pool: asyncpg.Pool, tenant: str, text: str) -> Scans:
    """Run a search of groups."""
    compiled = compile_filter(parse_filter(text, group_schema()), after=OWN_PARAMETERS, searched=GROUPS)
    statement = matching(GROUP, compiled.sql, selective=compiled.selective)
    return await scans(pool, statement, (tenant, PARTITION, 100, 0, *compiled.parameters))


async def of_people(pool: asyncpg.Pool, tenant: str, text: str, listed: Listed) -> Scans:
    """Run a search of people."""
    compiled = compile_filter(parse_filter(text, user_schema()), after=OWN_PARAMETERS, searched=PEOPLE)
    statement = matching(listed, compiled.sql, selective=compiled.selective)
    return await scans(pool, statement, (tenant, PARTITION, 100, 0, *compiled.parameters))


@pytest.mark.parametrize(("text", "indexes", "rows"), GROUP_FILTERS)
async def test_groups_are_matched_through_an_index(
    crowd: tuple[str, str], pool: asyncpg.Pool, text: str, indexes: set[str], rows: int
) -> None:
    """What providers match groups by reads as many rows as it finds."""
    assert await of_groups(pool, crowd[1], text) == Scans(indexes, rows)


async def test_one_member_of_one_group_is_looked_up(crowd: tuple[str, str], pool: asyncpg.Pool) -> None:
    """The question whether somebody is in a group reads no more than that person's groups."""
    text = f'id eq "{group_id_of(7)}" and members eq "{id_of(7)}"'

    assert (await of_groups(pool, crowd[1], text)).rows <= EACH


async def test_a_persons_groups_are_read_through_indexes(crowd: tuple[str, str], pool: asyncpg.Pool) -> None:
    """A match by userName with the groups, and the groups alone, read that person and those groups."""
    theirs = {"group_members_by_user", "groups_pkey"}

    found = await of_people(pool, crowd[1], 'userName eq "p7"', PERSON_WITH_GROUPS)
    assert found == Scans({"users_by_user_name", *theirs}, EACH)
    assert await scans(pool, MEMBERSHIPS, (crowd[1], PARTITION, [id_of(7)])) == Scans(theirs, EACH)


async def test_people_of_a_group_are_found_through_its_members(crowd: tuple[str, str], pool: asyncpg.Pool) -> None:
    """A filter on a group's id reads the members of the group alone."""
    found = await of_people(pool, crowd[1], f'groups eq "{group_id_of(7)}"', PERSON)

    assert found == Scans({"group_members_pkey", "users_pkey"}, EACH)


async def test_members_are_read_by_their_keys(crowd: tuple[str, str], pool: asyncpg.Pool) -> None:
    """The members of some groups are read by the keys of the groups and the people, those who wait likewise."""
    groups = [group_id_of(7), group_id_of(8)]

    linked = await scans(pool, LINKED, (crowd[1], groups, ["", ""], PART))
    waiting = await scans(pool, WAITING, (crowd[1], groups, ["", ""], PART))
    assert linked == Scans({"group_members_pkey", "users_pkey"}, 2 * EACH)
    assert waiting == Scans({"sent_references_pkey"}, 2)


async def test_part_goes_on_where_the_last_ended(crowd: tuple[str, str], pool: asyncpg.Pool) -> None:
    """A part of a group does not read again what stands before it."""
    found = await scans(pool, LINKED, (crowd[1], [group_id_of(7)], [id_of(9)], PART))

    assert found.rows == EACH - 3
