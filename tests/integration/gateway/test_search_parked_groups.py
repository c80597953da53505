"""Searches while facts of a tenant's groups are parked: no older members are shown, and all other groups are found."""

import msgspec
import pytest

from rollbook_contracts import subjects
from rollbook_contracts.facts.catalog import Fact
from rollbook_contracts.facts.codec import encode
from rollbook_contracts.facts.envelope import Envelope
from rollbook_contracts.facts.group import GroupDeleted, GroupUpdated
from rollbook_contracts.facts.membership import MembersAdded
from rollbook_gateway.log.port import Stored
from rollbook_gateway.search.errors import StaleError
from rollbook_gateway.search.rows import GroupRow
from support.searched_groups import MEMBERS_MODIFIED, Group, group_id_of, insert_groups
from support.searched_people import CREATED, MODIFIED, id_of, insert_people, new_tenant
from support.searching import PARTITION, Searching, condition

IDS = [group_id_of(number) for number in range(7)]


def stored(searching: Searching, tenant: str, number: int, fact: Fact, time: str = MODIFIED) -> None:
    """Let a fact be the last one on its subject: a group's head at 40 and more, its members at 90 and more."""
    headers, body = encode(fact, Envelope("req_x.0", tenant, group_id_of(number), time, "req_x", prev=1))
    members = isinstance(fact, MembersAdded)
    subject_of = subjects.group_members if members else subjects.group
    subject = subject_of(PARTITION, tenant, group_id_of(number))
    searching.log.facts[subject] = Stored(subject, (90 if members else 40) + number, headers, body)


async def parked(searching: Searching, tenant: str, number: int, fact: Fact) -> None:
    """Set a group's last head aside."""
    stored(searching, tenant, number, fact)
    await searching.parked(tenant, group_id_of(number))


def renamed(number: int, name: str) -> GroupUpdated:
    """Return a fact after which a group has this name."""
    return GroupUpdated(group_id_of(number), CREATED, msgspec.Raw(msgspec.json.encode({"displayName": name})))


async def a_parked_group(searching: Searching) -> str:
    """Return a tenant of two groups with the same member, the first of which has parked facts."""
    tenant = new_tenant()
    groups = [Group({"displayName": name}, ids=(id_of(0),)) for name in ("old", "other")]
    await insert_people(searching.database, tenant, [{"userName": "a"}])
    await insert_groups(searching.database, tenant, groups)
    await parked(searching, tenant, 0, renamed(0, "New"))
    stored(searching, tenant, 0, MembersAdded(group_id_of(0), ("x",)), MEMBERS_MODIFIED)
    return tenant


async def test_parked_group_is_found_by_its_last_head(searching: Searching) -> None:
    """The row is behind and does not count; what the log has last does. When its members changed last is not known."""
    tenant = await a_parked_group(searching)

    assert await searching.groups_found(tenant, 'displayName eq "old"') == []
    assert await searching.groups_found(tenant, 'displayName eq "new"') == IDS[:1]
    for text in ('meta.version eq "W/\\"40.90\\""', f'meta.lastModified eq "{MEMBERS_MODIFIED}"'):
        with pytest.raises(StaleError, match="members were asked for"):
            await searching.groups_found(tenant, text)
    page = await searching.groups.page(tenant, PARTITION, None, 1, 1, members=False)
    assert page.rows == [GroupRow(IDS[0], '{"displayName":"New"}', CREATED, MODIFIED, None, 40, 0)]
    assert page.total == 2


async def test_members_of_a_parked_group_are_not_told(searching: Searching) -> None:
    """Neither the group nor a page with it is answered where members belong to the answer; others are."""
    tenant = await a_parked_group(searching)

    for read in (searching.groups.group, searching.groups.state):
        with pytest.raises(StaleError, match="members were asked for"):
            await read(tenant, PARTITION, IDS[0])
    with pytest.raises(StaleError, match="members were asked for"):
        await searching.groups.page(tenant, PARTITION, None, 1, 10, members=True)
    other = await searching.groups.group(tenant, PARTITION, IDS[1])
    assert other is not None
    assert [member.value for member in other.members] == [id_of(0)]
    page = await searching.groups.page(tenant, PARTITION, None, 2, 10, members=True)
    assert [row.id for row in page.rows] == [IDS[1]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f'id eq "{IDS[1]}" and members eq "{id_of(0)}"', IDS[1:2]),
        (f'displayName eq "other" and members[value eq "{id_of(0)}"]', IDS[1:2]),
        ('displayName eq "new" or members eq "nobody"', IDS[:1]),
        (f'members eq "{id_of(0)}"', None),
        (f'id eq "{IDS[0]}" and members eq "{id_of(0)}"', None),
        ("not (members pr)", None),
        ('displayName eq "other" or members pr', None),
    ],
)
async def test_filters_on_members_while_a_group_is_parked(
    searching: Searching, text: str, found: list[str] | None
) -> None:
    """A filter is answered where what is not known of the parked group does not matter, and refused where it does."""
    tenant = await a_parked_group(searching)

    if found is not None:
        assert await searching.groups_found(tenant, text) == found
        return
    with pytest.raises(StaleError, match="members were asked for"):
        await searching.groups_found(tenant, text)


async def test_parked_deletion_is_respected(searching: Searching) -> None:
    """A group whose deletion is parked is found no more, with members or without."""
    tenant = await a_parked_group(searching)
    stored(searching, tenant, 0, GroupDeleted(IDS[0]))

    assert await searching.groups_found(tenant, "displayName pr") == IDS[1:2]
    assert await searching.groups_found(tenant, "members pr", members=True) == IDS[1:2]
    assert await searching.groups.group(tenant, PARTITION, IDS[0]) is None


async def test_group_that_was_never_applied_is_found(searching: Searching) -> None:
    """A creation that is parked has no row at all."""
    tenant = new_tenant()
    await parked(searching, tenant, 0, renamed(0, "a"))

    assert await searching.groups_found(tenant, 'displayName eq "A"') == IDS[:1]


async def test_pages_hold_rows_and_parked_groups_in_order(searching: Searching) -> None:
    """However the pages are cut, each group is on one of them, in the order of the ids."""
    tenant = new_tenant()
    await insert_groups(searching.database, tenant, [Group({"displayName": f"g{number}"}) for number in range(7)])
    for number in (1, 4, 6):
        await parked(searching, tenant, number, renamed(number, f"g{number}"))

    for size in (1, 2, 10):
        for start in range(9):
            page = await searching.groups.page(tenant, PARTITION, None, start + 1, size, members=False)
            assert (page.total, [row.id for row in page.rows]) == (7, IDS[start : start + size])


async def test_head_that_cannot_be_read_here_either_is_stale(searching: Searching) -> None:
    """Where nobody can say what the last state is, no answer is better than an older one."""
    tenant = await a_parked_group(searching)
    subject = subjects.group(PARTITION, tenant, IDS[0])
    newer = {**searching.log.facts[subject].headers, "ce-type": "group.updated.v9"}
    searching.log.facts[subject] = Stored(subject, 40, newer, b"{}")

    with pytest.raises(StaleError, match="cannot be read"):
        await searching.groups_found(tenant, "displayName pr")


async def test_people_are_found_while_a_group_is_parked(searching: Searching) -> None:
    """People and their groups are shown as far as they are applied; who is in the parked group is not told."""
    tenant = await a_parked_group(searching)

    page = await searching.search.page(tenant, PARTITION, condition('userName eq "a"'), 1, 10, groups=True)
    assert [(row.id, row.groups) for row in page.rows] == [(id_of(0), ((IDS[0], "old"), (IDS[1], "other")))]
    assert await searching.found(tenant, f'groups eq "{IDS[1]}"') == [id_of(0)]
    assert await searching.found(tenant, f'groups[value eq "{IDS[1]}"] and not (groups.value ne "{IDS[1]}")') == [
        id_of(0)
    ]
    for text in (f'groups eq "{IDS[0]}"', f'userName eq "a" and groups[value eq "{IDS[0]}"]', "groups pr"):
        with pytest.raises(StaleError, match="who is in them"):
            await searching.found(tenant, text)
