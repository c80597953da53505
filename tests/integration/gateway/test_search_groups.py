"""Groups as searches find them: which, in which order, with which members, and only of one's own tenant."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec
import pytest

from rollbook_gateway.scim.errors import ErrorKind, ScimError
from rollbook_gateway.search import group_members
from rollbook_gateway.search.database import Fetch
from rollbook_gateway.search.errors import StaleError
from rollbook_gateway.search.members import MemberRow
from rollbook_gateway.search.rows import GroupPage, GroupRow, Page
from support.searched_groups import MEMBERS_MODIFIED, Group, group_id_of, insert_groups
from support.searched_people import CREATED, MODIFIED, id_of, insert_people, new_tenant
from support.searching import HEAD, PARTITION, Searching

PEOPLE = [{"userName": "Ada@x.example", "displayName": 'Ada "Q" Stra\u00dfe'}, {"userName": "bo"}, {"userName": "cy"}]
LEARNERS = Group(
    {"displayName": "Learners", "externalId": "L1"},
    ids=(id_of(1), id_of(0)),
    sent={"ada@X.example": id_of(0), "Ada": id_of(0), "zoe": None, 'a "b"\\': None},
)
EMPTY = Group({"displayName": "Stra\u00dfe"})
BY_NAME = Group({"displayName": "Tutors"}, sent={"CY": id_of(2)})
ALL_IDS = [group_id_of(0), group_id_of(1), group_id_of(2)]


@pytest.fixture
async def tenant(database: asyncpg.Connection) -> str:
    """Lend a tenant of three people and three groups."""
    tenant = new_tenant()
    await insert_people(database, tenant, PEOPLE)
    await insert_groups(database, tenant, [LEARNERS, EMPTY, BY_NAME])
    return tenant


async def test_group_has_each_member_once(searching: Searching, tenant: str) -> None:
    """Linked people by id with their names, however often they were sent; behind them what waits, as it was sent."""
    group = await searching.groups.group(tenant, PARTITION, group_id_of(0))

    assert group is not None
    assert list(group.members) == [
        MemberRow(id_of(0), linked=True, display='Ada "Q" Stra\u00dfe'),
        MemberRow(id_of(1), linked=True, display="bo"),
        MemberRow('a "b"\\', linked=False, display=None),
        MemberRow("zoe", linked=False, display=None),
    ]
    parts = group.members.rendered('http://h"/Users')
    assert [member for part in parts for member in msgspec.json.decode(b"[" + part + b"]")] == [
        {
            "value": id_of(0),
            "$ref": f'http://h"/Users/{id_of(0)}',
            "type": "User",
            "display": 'Ada "Q" Stra\u00dfe',
        },
        {"value": id_of(1), "$ref": f'http://h"/Users/{id_of(1)}', "type": "User", "display": "bo"},
        {"value": 'a "b"\\', "type": "User"},
        {"value": "zoe", "type": "User"},
    ]


async def test_row_carries_what_an_answer_needs(searching: Searching, tenant: str) -> None:
    """A row is the head as it was stored, with the times and sequences of both of its subjects."""
    page = await searching.groups.page(tenant, PARTITION, None, 1, 2, members=False)

    documents = [msgspec.json.encode(group.document).decode() for group in (LEARNERS, EMPTY)]
    assert page == Page(
        3,
        [
            GroupRow(group_id_of(0), documents[0], CREATED, MODIFIED, MEMBERS_MODIFIED, 1, 1000),
            GroupRow(group_id_of(1), documents[1], CREATED, MODIFIED, None, 2, 0),
        ],
    )


async def test_group_that_is_not_there(searching: Searching, tenant: str) -> None:
    """An id that nobody has, or a group of another tenant's, is none."""
    assert await searching.groups.group(tenant, PARTITION, group_id_of(7)) is None
    assert await searching.groups.group(new_tenant(), PARTITION, group_id_of(0)) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('displayName eq "LEARNERS"', [0]),
        ('displayName eq "STRASSE"', [1]),
        ('displayName co "tors" or displayName sw "lea"', [0, 2]),
        ('not (displayName ew "tors")', [0, 1]),
        ('externalId eq "L1"', [0]),
        ('externalId eq "l1"', []),
        ("externalId pr", [0]),
        (f'id eq "{group_id_of(1)}"', [1]),
        ('schemas eq "urn:ietf:params:scim:schemas:core:2.0:Group"', [0, 1, 2]),
        ('schemas eq "urn:ietf:params:scim:schemas:core:2.0:User"', []),
        ('meta.resourceType eq "Group" and meta.location pr', [0, 1, 2]),
        (f'meta.lastModified gt "{MODIFIED}"', [0, 2]),
        (f'meta.created eq "{CREATED}"', [0, 1, 2]),
        ('meta.version eq "W/\\"1.1000\\""', [0]),
        ('meta.version eq "W/\\"2.0\\""', [1]),
        (f'members eq "{id_of(0)}"', [0]),
        (f'members.value eq "{id_of(2)}"', [2]),
        (f'members[value eq "{id_of(1)}"]', [0]),
        ('members eq "ada@X.example"', [0]),
        ('members eq "ADA@x.example"', []),
        ('members eq "zoe"', [0]),
        ('members[value eq "CY" and type eq "user"]', [2]),
        ('members[value eq "CY" and type eq "Group"]', []),
        ('members[display eq "ADA \\"q\\" STRASSE"]', [0]),
        ('members[value eq "CY" and display eq "cy"]', [2]),
        ('members[value eq "zoe" and display pr]', []),
        ('members.value sw "zo"', [0]),
        ("members pr", [0, 2]),
        ('members ne "zoe"', [1, 2]),
        ('not (members eq "zoe") and members pr', [2]),
        (f'id eq "{group_id_of(0)}" and members eq "{id_of(1)}"', [0]),
        (f'id eq "{group_id_of(0)}" and members eq "{id_of(2)}"', []),
        (f'displayName eq "straSSE" or members eq "{id_of(2)}"', [1, 2]),
        ('displayName eq "\'; DROP TABLE lms.groups; --"', []),
    ],
)
async def test_filter_finds(searching: Searching, tenant: str, text: str, found: list[int]) -> None:
    """A filter finds exactly the groups for which it holds; they know a member by each name, sent or linked."""
    wanted = [group_id_of(number) for number in found]

    assert await searching.groups_found(tenant, text) == wanted
    assert await searching.groups_found(tenant, text, members=True) == wanted


@pytest.mark.parametrize("text", ['meta.location sw "h"', 'members.$ref eq "x"', 'members[$ref co "x"]'])
async def test_what_depends_on_the_address_cannot_be_searched(searching: Searching, tenant: str, text: str) -> None:
    """Locations and references are refused with the reason."""
    with pytest.raises(ScimError, match="cannot be searched") as refusal:
        await searching.groups_found(tenant, text)

    assert refusal.value.kind is ErrorKind.INVALID_FILTER


async def test_other_tenants_are_never_found(searching: Searching, tenant: str) -> None:
    """Groups and members of another tenant with the same names and ids stay unseen."""
    other = new_tenant()
    await insert_groups(searching.database, other, [Group({"displayName": "Learners"}, sent={"zoe": None})])

    assert await searching.groups_found(other, f'members eq "{id_of(0)}" or members sw "ada"') == []
    assert await searching.groups_found(other, 'members eq "zoe"') == [group_id_of(0)]
    group = await searching.groups.group(other, PARTITION, group_id_of(0))
    assert group is not None
    assert [member.value for member in group.members] == ["zoe"]


@pytest.mark.parametrize("members", [False, True])
async def test_pages_follow_the_ids(searching: Searching, tenant: str, members: bool) -> None:
    """Pages are cut from the order of the ids; every page knows the total, also one beyond the last group."""

    async def page(start: int, count: int) -> tuple[int, list[str]]:
        found = await searching.groups.page(tenant, PARTITION, None, start, count, members=members)
        return found.total, [row.id for row in found.rows]

    assert await page(1, 2) == (3, ALL_IDS[:2])
    assert await page(3, 2) == (3, ALL_IDS[2:])
    assert await page(4, 2) == (3, [])
    assert await page(1, 0) == (3, [])


async def test_without_members_nobody_looks_at_them(searching: Searching, tenant: str) -> None:
    """Lists and filters on heads do not touch a member where none is asked for: they work without those tables."""
    await searching.database.execute("DROP TABLE lms.group_members, lms.sent_references")

    assert await searching.groups_found(tenant, 'displayName eq "learners"') == [group_id_of(0)]
    assert (await searching.groups.page(tenant, PARTITION, None, 1, 10, members=False)).total == 3


def values(page: GroupPage) -> list[list[str]]:
    """Return the members of each group on a page."""
    return [[member.value for member in row.members] for row in page.rows]


@pytest.mark.parametrize("part", [1, 2, 3, 4, 5, 100])
async def test_members_are_read_in_parts(
    searching: Searching, tenant: str, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    """However many members one statement reads, each group has all of its own, in order."""
    monkeypatch.setattr(group_members, "PART", part)

    page = await searching.groups.page(tenant, PARTITION, None, 1, 10, members=True)

    assert values(page) == [[id_of(0), id_of(1), 'a "b"\\', "zoe"], [], [id_of(2)]]


@pytest.mark.parametrize("part", [1, 3, 5])
async def test_page_ends_where_its_members_are_enough(
    searching: Searching, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    """A page holds one group at least and no more than it takes to reach the limit; the next page goes on there."""
    monkeypatch.setattr(group_members, "PART", part)
    monkeypatch.setattr(group_members, "MOST", 5)
    tenant = new_tenant()
    everybody = [id_of(number) for number in range(8)]
    waiting = {f"w{number}": None for number in range(6)}
    groups = [
        Group({"displayName": "a"}, ids=tuple(everybody)),
        Group({"displayName": "b"}, ids=tuple(everybody[:3])),
        Group({"displayName": "c"}, sent=dict(waiting)),
        Group({"displayName": "d"}),
    ]
    await insert_groups(searching.database, tenant, groups)
    seen: list[list[str]] = []

    while len(seen) < len(groups):
        page = await searching.groups.page(tenant, PARTITION, None, len(seen) + 1, 10, members=True)
        assert page.total == len(groups)
        assert page.rows
        assert sum(map(len, values(page)[:-1])) < 5 + part
        seen += values(page)

    assert seen == [everybody, everybody[:3], list(waiting), []]


async def test_all_parts_are_of_one_moment(searching: Searching, tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is applied while members are being read is not in the answer: it shows one state and no mixture."""

    async def meanwhile(fetch: Fetch, statement: str, parameters: Sequence[Any]) -> list[asyncpg.Record]:
        await searching.database.execute("DELETE FROM lms.group_members WHERE tenant = $1", tenant)
        await searching.database.execute("DELETE FROM lms.sent_references WHERE tenant = $1", tenant)
        return await fetch(statement, parameters)

    async def disturbed(fetch: Fetch, tenant: str, page: GroupPage) -> GroupPage:
        return await group_members.with_members(
            lambda statement, parameters: meanwhile(fetch, statement, parameters), tenant, page
        )

    monkeypatch.setattr("rollbook_gateway.search.groups.with_members", disturbed)
    before = await searching.groups.group(tenant, PARTITION, group_id_of(0))
    monkeypatch.undo()
    after = await searching.groups.group(tenant, PARTITION, group_id_of(0))

    assert before is not None
    assert after is not None
    assert (len(list(before.members)), list(after.members)) == (4, [])


async def test_group_waits_for_the_head_of_its_own_time(searching: Searching, tenant: str) -> None:
    """Members accepted before the request are in its answer, though their rows come later."""
    searching.log.sequence = HEAD + 1
    asking = asyncio.create_task(searching.groups.group(tenant, PARTITION, group_id_of(1)))
    async with asyncio.timeout(5):
        while len(searching.notices.waiting) < 2:  # noqa: ASYNC110  # the second look is after the first answer
            await asyncio.sleep(0.01)
    async with searching.database.transaction():
        await searching.database.execute(
            "INSERT INTO lms.group_members VALUES ($1, $2, $3, true, 0)", tenant, group_id_of(1), id_of(2)
        )
        await searching.applied(HEAD + 1)
    searching.notices.give(HEAD + 1)

    group = await asking

    assert group is not None
    assert [member.value for member in group.members] == [id_of(2)]


async def test_members_that_are_not_fresh_are_not_answered(
    searching: Searching, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a projector that stays behind, a group is refused; so are lists."""
    monkeypatch.setattr("rollbook_gateway.search.pages.FRESH_SECONDS", 0.2)
    searching.log.sequence = HEAD + 1

    with pytest.raises(StaleError):
        await searching.groups.group(tenant, PARTITION, group_id_of(0))
    with pytest.raises(StaleError):
        await searching.groups_found(tenant, "displayName pr")
