"""Searches while facts of a tenant's people are parked: nobody's older state is shown, and everybody else is found."""

from typing import Any

import msgspec
import pytest

from rollbook_contracts import subjects
from rollbook_contracts.facts.catalog import Fact
from rollbook_contracts.facts.codec import encode
from rollbook_contracts.facts.envelope import Envelope
from rollbook_contracts.facts.user import UserDeleted, UserUpdated
from rollbook_contracts.urns import ENTERPRISE
from rollbook_gateway.log.port import Stored
from rollbook_gateway.search.errors import StaleError
from support.searched_groups import Group, group_id_of, insert_groups
from support.searched_people import CREATED, MODIFIED, id_of, insert_people, new_tenant
from support.searching import PARTITION, Searching, condition


async def parked(searching: Searching, tenant: str, number: int, fact: Fact) -> None:
    """Set a person's last fact aside."""
    headers, body = encode(fact, Envelope("req_x.0", tenant, id_of(number), MODIFIED, "req_x", prev=1))
    subject = subjects.user(PARTITION, tenant, id_of(number))
    searching.log.facts[subject] = Stored(subject, 40 + number, headers, body)
    await searching.parked(tenant, id_of(number))


def updated(number: int, **document: Any) -> UserUpdated:
    """Return a fact after which a person is as given."""
    return UserUpdated(id_of(number), CREATED, msgspec.Raw(msgspec.json.encode(document)))


async def test_parked_person_is_found_by_the_last_fact(searching: Searching) -> None:
    """The row is behind and does not count; the document of the fact that could not be applied does."""
    tenant = new_tenant()
    await insert_people(searching.database, tenant, [{"userName": "old"}, {"userName": "other"}])
    await parked(searching, tenant, 0, updated(0, userName="New", displayName="N"))

    assert await searching.found(tenant, 'userName eq "old"') == []
    assert await searching.found(tenant, 'userName eq "new"') == [id_of(0)]
    assert await searching.found(tenant, 'userName eq "other"') == [id_of(1)]
    page = await searching.search.page(tenant, PARTITION, condition("displayName pr"), 1, 10)
    assert [(row.document, row.last_modified, row.fact_seq) for row in page.rows] == [
        ('{"userName":"New","displayName":"N","active":true}', MODIFIED, 40)
    ]


async def test_parked_deletion_is_respected(searching: Searching) -> None:
    """A person whose deletion is parked is found no more."""
    tenant = new_tenant()
    await insert_people(searching.database, tenant, [{"userName": "a"}, {"userName": "b"}])
    await parked(searching, tenant, 0, UserDeleted(id_of(0)))

    assert await searching.found(tenant, "userName pr") == [id_of(1)]
    assert (await searching.search.page(tenant, PARTITION, None, 1, 10)).total == 1


@pytest.mark.parametrize("filtered", [False, True])
@pytest.mark.parametrize("waiting", [{0}, {3}, {6}, {0, 1, 2}, {1, 4, 6}, set(range(7))])
async def test_pages_hold_rows_and_parked_people_in_order(
    searching: Searching, waiting: set[int], filtered: bool
) -> None:
    """However the pages are cut, each person is on one of them, in the order of the ids."""
    tenant = new_tenant()
    await insert_people(searching.database, tenant, [{"userName": f"p{number}"} for number in range(7)])
    for number in waiting:
        await parked(searching, tenant, number, updated(number, userName=f"p{number}", title="x"))
    wanted = [id_of(number) for number in range(7)]

    for size in (1, 2, 3, 10):
        for start in range(9):
            page = await searching.search.page(
                tenant, PARTITION, condition('userName sw "p"') if filtered else None, start + 1, size
            )
            assert (page.total, [row.id for row in page.rows]) == (7, wanted[start : start + size])


async def test_person_who_was_never_applied_is_found(searching: Searching) -> None:
    """A creation that is parked has no row at all."""
    tenant = new_tenant()
    await parked(searching, tenant, 0, updated(0, userName="a"))

    assert await searching.found(tenant, 'userName eq "A"') == [id_of(0)]


async def test_fact_that_cannot_be_read_here_either_is_stale(searching: Searching) -> None:
    """Where nobody can say what the last state is, no answer is better than an older one; other tenants go on."""
    tenant, other = new_tenant(), new_tenant()
    await parked(searching, tenant, 0, updated(0, userName="a"))
    subject = subjects.user(PARTITION, tenant, id_of(0))
    newer = {**searching.log.facts[subject].headers, "ce-type": "user.updated.v9"}
    searching.log.facts[subject] = Stored(subject, 40, newer, b"{}")

    with pytest.raises(StaleError, match="cannot be read"):
        await searching.found(tenant, "userName pr")
    assert await searching.found(other, "userName pr") == []


async def test_parked_facts_of_other_things_do_not_matter(searching: Searching) -> None:
    """Searches of people go on while facts of the tenant itself, or of kinds unknown here, are parked."""
    tenant = new_tenant()
    await insert_people(searching.database, tenant, [{"userName": "a"}])
    await searching.parked(tenant, tenant)
    await searching.parked(tenant, f"fact.00.{tenant}.device.dev_1")

    assert await searching.found(tenant, "userName pr") == [id_of(0)]


async def test_too_many_parked_people_are_stale(searching: Searching) -> None:
    """Hundreds of parked people are not looked up one by one for each request."""
    tenant = new_tenant()
    for number in range(101):
        await searching.parked(tenant, id_of(number))

    with pytest.raises(StaleError, match="101 resources"):
        await searching.found(tenant, "userName pr")


async def test_parked_person_has_the_groups_that_are_applied(searching: Searching) -> None:
    """A person taken from the log has the memberships of the tables; a filter that hangs on them is refused."""
    tenant = new_tenant()
    await insert_people(searching.database, tenant, [{"userName": "a"}, {"userName": "b"}])
    await insert_groups(searching.database, tenant, [Group({"displayName": "G"}, ids=(id_of(0), id_of(1)))])
    await parked(searching, tenant, 0, updated(0, userName="new"))
    await parked(searching, tenant, 2, updated(2, userName="c"))

    page = await searching.search.page(tenant, PARTITION, None, 1, 10, groups=True)
    in_g = ((group_id_of(0), "G"),)
    assert [(row.id, row.groups) for row in page.rows] == [(id_of(0), in_g), (id_of(1), in_g), (id_of(2), ())]
    assert await searching.groups_of(tenant, id_of(0)) == in_g
    assert await searching.found(tenant, f'userName eq "b" and groups eq "{group_id_of(0)}"') == [id_of(1)]
    with pytest.raises(StaleError, match="groups were asked for"):
        await searching.found(tenant, f'groups eq "{group_id_of(0)}"')


async def test_parked_person_is_known_by_the_manager_that_was_sent(searching: Searching) -> None:
    """Whom a parked person's manager links to is not known: the value that was sent is."""
    tenant = new_tenant()
    await insert_people(searching.database, tenant, [{"userName": "a"}, {"userName": "b"}])
    await searching.database.execute("UPDATE lms.users SET manager_id = $2 WHERE tenant = $1", tenant, id_of(1))
    await parked(searching, tenant, 0, updated(0, userName="a", **{ENTERPRISE: {"manager": {"value": "boss"}}}))

    assert await searching.found(tenant, f'manager eq "{id_of(1)}"') == [id_of(1)]
    assert await searching.found(tenant, 'manager eq "boss"') == [id_of(0)]
