"""Pages of people: who is on them, in which order, with which total, and only of one's own tenant."""

import asyncpg
import msgspec
import pytest

from rollbook_contracts.urns import ENTERPRISE, ILMS
from rollbook_gateway.scim.errors import ErrorKind, ScimError
from rollbook_gateway.search.rows import UserRow
from support.searched_groups import Group, group_id_of, insert_groups
from support.searched_people import CREATED, MODIFIED, id_of, insert_people, new_tenant
from support.searching import PARTITION, Searching, condition

ADA = {
    "userName": "Ada@Contoso.com",
    "externalId": "Ada",
    "displayName": "Ada Stra\u00dfe",
    "name": {"givenName": "Ada", "familyName": "L"},
    "emails": [{"value": "Ada@Contoso.com", "type": "work", "primary": True}, {"value": "ada@home.example"}],
    ENTERPRISE: {"employeeNumber": "E7", "manager": {"value": "usr_M"}},
    ILMS: {"region": "EMEA", "hireDate": "1/15/2024 12:00:00 AM"},
}
JO = {"userName": "jo", "active": False, "emails": [{"value": "jo@okta.local"}], "roles": [{"value": "Admin"}]}


@pytest.fixture
async def tenant(database: asyncpg.Connection) -> str:
    """Lend a tenant of two people, Ada and Jo."""
    tenant = new_tenant()
    await insert_people(database, tenant, [ADA, JO])
    return tenant


@pytest.mark.parametrize(
    ("text", "ada", "jo"),
    [
        ('userName eq "ADA@contoso.COM"', True, False),
        ('externalId eq "Ada"', True, False),
        ('externalId eq "ada"', False, False),
        (f'{ENTERPRISE}:employeeNumber eq "e7"', True, False),
        (f'id eq "{id_of(0)}" and manager eq "usr_M"', True, False),
        (f'id eq "{id_of(0)}" and manager eq "usr_m"', False, False),
        ('emails[type eq "work"].value eq "ada@contoso.com"', True, False),
        ('emails[type eq "work"].value eq "ada@home.example"', False, False),
        ('emails eq "ADA@home.example"', True, False),
        ('emails[type eq "work"].value eq "jo@okta.local"', False, True),
        ('emails[type eq "work" and value co "CONTOSO"]', True, False),
        ('displayName eq "ada strasse"', True, False),
        ('displayName ne "ada strasse"', False, True),
        ('not (displayName sw "ada")', False, True),
        ('displayName co "%"', False, False),
        ("active eq false", False, True),
        ("active eq true", True, False),
        ("title pr", False, False),
        ('roles eq "admin" or name.givenName pr', True, True),
        ('userName sw "a" and (active eq false or name.familyName ew "L")', True, False),
        ('userName eq "jo" or userName eq "x" and active eq true', False, True),
        (f'{ILMS}:hireDate ge "2024-01-15T01:00:00+01:00"', True, False),
        (f'{ILMS}:hireDate gt "2024-01-15"', False, False),
        ('meta.lastModified gt "2026-11-24T03:44:44Z"', True, True),
        ('meta.version eq "W/\\"2\\""', False, True),
        (f'schemas eq "{ENTERPRISE}"', True, False),
        ('userName eq "\'; DROP TABLE lms.users; --"', False, False),
    ],
)
async def test_filter_finds(searching: Searching, tenant: str, text: str, ada: bool, jo: bool) -> None:
    """A filter finds exactly those for whom it holds."""
    wanted = [id_of(number) for number, holds in enumerate((ada, jo)) if holds]

    assert await searching.found(tenant, text) == wanted


async def test_row_carries_what_an_answer_needs(searching: Searching, tenant: str) -> None:
    """A row is the document as it was stored, with its times and the sequence of its last fact."""
    page = await searching.search.page(tenant, PARTITION, condition('userName eq "jo"'), 1, 10)

    assert page.rows == [UserRow(id_of(1), msgspec.json.encode(JO).decode(), CREATED, MODIFIED, 2)]


@pytest.mark.parametrize("text", [None, "userName pr", 'userName eq "p" or userName sw "p"', f'id ge "{id_of(0)}"'])
async def test_pages_follow_the_ids(searching: Searching, text: str | None) -> None:
    """Pages are cut from the order of the ids; every page knows the total, also one beyond the last person."""
    tenant = new_tenant()
    await insert_people(searching.database, tenant, [{"userName": f"p{number}"} for number in range(7)])

    async def page(start: int, count: int) -> tuple[int, list[str]]:
        found = await searching.search.page(tenant, PARTITION, condition(text) if text else None, start, count)
        return found.total, [row.id for row in found.rows]

    assert await page(1, 3) == (7, [id_of(0), id_of(1), id_of(2)])
    assert await page(6, 3) == (7, [id_of(5), id_of(6)])
    assert await page(8, 3) == (7, [])
    assert await page(1, 0) == (7, [])


async def test_selective_filter_with_many_matches_is_cut_into_pages(searching: Searching) -> None:
    """Where a value that few should share is shared by many, pages and total are right all the same."""
    tenant = new_tenant()
    await insert_people(
        searching.database, tenant, [{"userName": f"p{number}", "externalId": "same"} for number in range(7)]
    )

    page = await searching.search.page(tenant, PARTITION, condition('externalId eq "same"'), 5, 2)

    assert (page.total, [row.id for row in page.rows]) == (7, [id_of(4), id_of(5)])


async def test_other_tenants_are_never_found(searching: Searching, tenant: str) -> None:
    """People of another tenant with the same names stay unseen, by any filter and by none."""
    other = new_tenant()
    await insert_people(searching.database, other, [ADA])

    for text in ('userName pr or displayName eq "x"', 'emails eq "ada@home.example"', "not (active eq false)"):
        assert await searching.found(other, text) == [id_of(0)]
    assert (await searching.search.page(other, PARTITION, None, 1, 10)).total == 1


TUTORS = Group({"displayName": "Tutors"}, ids=(id_of(0),), sent={"ada@contoso.com": id_of(0)})
LEARNERS = Group({"displayName": "Learners"}, ids=(id_of(0), id_of(1)))


async def test_people_are_found_with_their_groups(searching: Searching, tenant: str) -> None:
    """Each person on a page has the groups, each once and in the order of their ids; they are read where asked for."""
    await insert_groups(searching.database, tenant, [TUTORS, LEARNERS])
    tutors, learners = (group_id_of(0), "Tutors"), (group_id_of(1), "Learners")

    for text in (None, "userName pr", 'userName eq "jo" or userName sw "ada"'):
        asked = condition(text) if text else None
        page = await searching.search.page(tenant, PARTITION, asked, 1, 10, groups=True)
        assert [row.groups for row in page.rows] == [(tutors, learners), (learners,)]
        page = await searching.search.page(tenant, PARTITION, asked, 1, 10)
        assert [row.groups for row in page.rows] == [(), ()]
    assert await searching.groups_of(tenant, id_of(0)) == (tutors, learners)
    assert await searching.groups_of(tenant, id_of(7)) == ()
    assert await searching.groups_of(new_tenant(), id_of(0)) == ()


@pytest.mark.parametrize(
    ("text", "ada", "jo"),
    [
        (f'groups eq "{group_id_of(0)}"', True, False),
        (f'groups.value eq "{group_id_of(1)}"', True, True),
        (f'groups[value eq "{group_id_of(0)}"] or userName eq "jo"', True, True),
        (f'groups[value eq "{group_id_of(1)}" and display eq "tutors"]', False, False),
        ('groups.display eq "TUTORS"', True, False),
        ('groups[display sw "t" and type eq "direct"]', True, False),
        ('groups.type eq "indirect"', False, False),
        (f'groups ne "{group_id_of(0)}"', False, True),
        (f'not (groups eq "{group_id_of(1)}")', False, False),
        ('groups pr and userName eq "jo"', False, True),
        ('groups eq "x"', False, False),
    ],
)
async def test_people_are_found_by_their_groups(
    searching: Searching, tenant: str, text: str, ada: bool, jo: bool
) -> None:
    """A filter may ask for groups by id, name and type."""
    await insert_groups(searching.database, tenant, [TUTORS, LEARNERS])
    await insert_groups(searching.database, new_tenant(), [Group({"displayName": "x"}, ids=(id_of(0), id_of(1)))])
    wanted = [id_of(number) for number, holds in enumerate((ada, jo)) if holds]

    assert await searching.found(tenant, text) == wanted


async def test_manager_is_known_as_sent_and_by_the_linked_id(searching: Searching, tenant: str) -> None:
    """M07: a filter on the manager finds by the value that was sent, and by the id of the person whom it names."""
    await searching.database.execute("UPDATE lms.users SET manager_id = $2 WHERE tenant = $1", tenant, id_of(1))

    assert await searching.found(tenant, f'id eq "{id_of(0)}" and manager eq "usr_M"') == [id_of(0)]
    assert await searching.found(tenant, f'id eq "{id_of(0)}" and manager eq "{id_of(1)}"') == [id_of(0)]
    assert await searching.found(tenant, f'{ENTERPRISE}:manager.value eq "{id_of(1)}"') == [id_of(0), id_of(1)]
    assert await searching.found(tenant, f'manager ne "{id_of(1)}"') == []
    assert await searching.found(tenant, 'manager eq "usr_m"') == []


async def test_an_attribute_that_depends_on_the_address_cannot_be_searched(searching: Searching, tenant: str) -> None:
    """``meta.location`` is refused with the reason; that it is there can be asked."""
    with pytest.raises(ScimError) as refusal:
        await searching.found(tenant, 'meta.location sw "http"')

    assert refusal.value.kind is ErrorKind.INVALID_FILTER
    assert await searching.found(tenant, "meta.location pr") == [id_of(0), id_of(1)]
