"""Groups, members and managers on real servers: from facts in the log to rows and changes."""

import json
from typing import Any

from rollbook_contracts.changes.envelope import decode_change
from rollbook_contracts.changes.group import GroupMembersAdded, GroupMembersRemoved
from rollbook_contracts.urns import ENTERPRISE, ILMS
from rollbook_projector import decisions
from rollbook_projector.projections.holders import HolderTable
from rollbook_projector.replay.rebuild import rebuild
from support.facts import TENANT, Script
from support.projecting import QUICK, Stage
from support.stored_log import TABLES, dump


def script() -> Script:
    """Return a log with its first message."""
    begun = Script()
    begun.epoch()
    return begun


def managed(value: str) -> dict[str, Any]:
    """Return attributes by which a person has a manager."""
    return {ENTERPRISE: {"manager": {"value": value}}}


async def members(stage: Stage, group: str = "grp_1") -> list[tuple[str, bool, int]]:
    """Return the rows of a group's members: person, whether by id, by how many other values."""
    found = await stage.rows("lms.group_members", "user_id, by_id, named", f"group_id = '{group}'")
    return [(row["user_id"], row["by_id"], row["named"]) for row in found]


async def waiting(stage: Stage) -> list[tuple[str, str, str]]:
    """Return the references that name nobody: kind, holder, value."""
    found = await stage.rows("lms.sent_references", "kind, holder_id, value", "user_id IS NULL")
    return [(row["kind"], row["holder_id"], row["value"]) for row in found]


async def heard(stage: Stage, count: int) -> list[str]:
    """Wait for so many changes; return each in short: type, whom it is about, and who else."""
    found = []
    for message in await stage.changes(count):
        body = json.loads(message.body)
        others = body.get("members") or ([body["manager"]] if "manager" in body else [])
        found.append(" ".join([message.headers["ce-type"].removesuffix(".v1"), body["id"], *others]))
    return found


async def counted(stage: Stage, until: int) -> set[int]:
    """Count the members over and over until a message is applied; return all counts that were seen."""
    seen = set()
    sequence = 0
    while sequence < until:
        count, sequence = await stage.database.fetchrow(
            "SELECT (SELECT count(*) FROM lms.group_members), seq FROM provisioning.checkpoints"
        )
        seen.add(count)
    return seen


async def test_many_values_are_asked_for_as_one(stage: Stage) -> None:
    """Who is there is told of exactly the values asked, whatever stands in them."""
    log = script()
    log.created("usr_1")
    log.created("usr_2")
    await stage.start()
    await stage.applied(log)
    holders = HolderTable()

    assert await holders.present(stage.database, TENANT, {"usr_1\x1fusr_2", "", "usr_1", "usr_3"}) == {"usr_1"}
    for nobody in (set(), {""}, {"\x1f"}, {"usr_3"}):
        assert await holders.present(stage.database, TENANT, nobody) == set()


async def test_a_group_becomes_a_row_and_changes(stage: Stage) -> None:
    """The head's columns, the sequences of both chains, and each change on the group's own subject."""
    await stage.start()
    log = script()
    log.created("usr_1")
    created = log.group_created("grp_1", displayName="Ärzte", externalId="x-1")
    added = log.members_added("grp_1", "usr_1")
    renamed = log.group_updated("grp_1", displayName="Ärztinnen")

    await stage.applied(log)

    (row,) = await stage.rows("lms.groups")
    assert (row["tenant"], row["id"], row["external_id"]) == (TENANT, "grp_1", "x-1")
    assert (row["display_name"], row["display_name_folded"]) == ("Ärztinnen", "ärztinnen")
    assert (row["fact_seq"], row["members_seq"], row["last_change"]) == (renamed, added, f"1-00-{renamed}-0")
    assert row["members_modified"] > row["created"]
    assert row["created"] < row["last_modified"]
    assert await members(stage) == [("usr_1", True, 0)]
    messages = (await stage.changes(4))[1:]
    assert {message.subject for message in messages} == {f"lms.{TENANT}.group.grp_1"}
    changes = [decode_change(message.headers, message.body) for message in messages]
    assert [change.version for change in changes] == [f"1-00-{at}-0" for at in (created, added, renamed)]
    assert [change.previous for change in changes] == [None, *(change.version for change in changes[:-1])]
    assert changes[2].changed == ("displayName",)
    assert await stage.findings() == []


async def test_what_changes_nothing_tells_nobody(stage: Stage) -> None:
    """Members added again and absent ones removed move the group's version, but no row and no change."""
    await stage.start()
    log = script()
    log.created("usr_1")
    log.created("usr_2")
    log.group_created("grp_1", "usr_1")
    log.members_added("grp_1", "usr_1")
    last = log.members_removed("grp_1", "usr_2", "nobody")

    await stage.applied(log)

    assert await members(stage) == [("usr_1", True, 0)]
    assert await waiting(stage) == []
    assert (await stage.rows("lms.groups"))[0]["members_seq"] == last
    assert await heard(stage, 4) == [
        "user.created usr_1",
        "user.created usr_2",
        "group.created grp_1",
        "group.members_added grp_1 usr_1",
    ]


async def test_operations_of_one_request_take_effect_in_order(stage: Stage) -> None:
    """Facts that were written together name their predecessor by the distance: the chain holds through all of them."""
    await stage.start()
    log = script()
    log.created("usr_1")
    log.created("usr_2")
    log.group_created("grp_1")
    log.members_patched("grp_1", ("add", "usr_1"), ("add", "usr_2"), ("remove", "usr_1"))
    last = log.members_added("grp_1", "usr_2")

    await stage.applied(log)

    assert await members(stage) == [("usr_2", True, 0)]
    assert (await stage.rows("lms.groups"))[0]["members_seq"] == last
    assert await stage.findings() == []


async def test_who_is_named_before_coming_is_linked_on_arrival(stage: Stage) -> None:
    """A member and a manager by other values wait, and are linked in the transaction that makes the person."""
    await stage.start()
    log = script()
    log.created("usr_1", **managed("boss"))
    log.group_created("grp_1", "Boss", "boss@example.com")
    await stage.applied(log)
    assert await waiting(stage) == [
        ("manager", "usr_1", "boss"),
        ("member", "grp_1", "Boss"),
        ("member", "grp_1", "boss@example.com"),
    ]

    at = log.created("usr_2", userName="BOSS", emails=[{"value": "boss@example.com", "type": "work"}])
    await stage.applied(log)

    assert await waiting(stage) == []
    assert await members(stage) == [("usr_2", False, 2)]
    assert (await stage.rows("lms.users", "id, manager_id"))[0]["manager_id"] == "usr_2"
    assert (await heard(stage, 5))[2:] == [
        "user.created usr_2",
        "group.members_added grp_1 usr_2",
        "user.manager_assigned usr_1 usr_2",
    ]
    keys = [message.headers["ce-id"] for message in (await stage.changes(5))[2:]]
    assert keys == [f"1-00-{at}-{ordinal}" for ordinal in range(3)]
    assert await stage.findings() == []


async def test_a_link_that_is_no_longer_true_is_undone(stage: Stage) -> None:
    """A namesake makes two, who wait; when one is renamed the other is meant."""
    await stage.start()
    log = script()
    log.created("usr_1", displayName="Ann")
    log.created("usr_3", **managed("ann"))
    log.group_created("grp_1", "Ann")
    log.created("usr_2", displayName="ANN")
    await stage.applied(log)
    assert await members(stage) == []
    assert await waiting(stage) == [("manager", "usr_3", "ann"), ("member", "grp_1", "Ann")]

    log.updated("usr_1", displayName="Bea")
    await stage.applied(log)

    assert await members(stage) == [("usr_2", False, 1)]
    assert (await heard(stage, 11))[2:] == [
        "user.manager_assigned usr_3 usr_1",
        "group.created grp_1",
        "group.members_added grp_1 usr_1",
        "user.created usr_2",
        "group.members_removed grp_1 usr_1",
        "user.manager_unassigned usr_3 usr_1",
        "user.updated usr_1",
        "group.members_added grp_1 usr_2",
        "user.manager_assigned usr_3 usr_2",
    ]
    assert await stage.findings() == []


async def test_who_is_deleted_leaves_every_group_for_good(stage: Stage) -> None:
    """Memberships end by whatever value; managers by another value wait again, by id they are target deleted."""
    await stage.start()
    log = script()
    log.created("usr_1", userName="ada", externalId="x-1")
    log.created("usr_2", **managed("usr_1"))
    log.created("usr_3", **managed("x-1"))
    log.group_created("grp_1", "usr_1", "x-1")
    log.group_created("grp_2", "ADA", "nobody")
    log.deleted("usr_1")
    log.members_added("grp_1", "usr_1")
    log.created("usr_4", **managed("usr_1"))
    log.created("usr_5", userName="ada", externalId="x-1")

    await stage.applied(log)

    assert await members(stage) == await members(stage, "grp_2") == []
    rows = await stage.rows("lms.sent_references", "kind, holder_id, value, user_id, target_deleted")
    assert [tuple(row.values()) for row in rows] == [
        ("manager", "usr_2", "usr_1", None, True),
        ("manager", "usr_3", "x-1", "usr_5", False),
        ("manager", "usr_4", "usr_1", None, True),
        ("member", "grp_2", "nobody", None, False),
    ]
    assert (await heard(stage, 17))[9:] == [
        "user.deleted usr_1",
        "group.members_removed grp_1 usr_1",
        "group.members_removed grp_2 usr_1",
        "user.manager_unassigned usr_2 usr_1",
        "user.manager_unassigned usr_3 usr_1",
        "user.created usr_4",
        "user.created usr_5",
        "user.manager_assigned usr_3 usr_5",
    ]
    assert await stage.findings() == []


async def test_a_group_ends_with_its_members(stage: Stage) -> None:
    """One change tells of it; what comes behind the end has no effect."""
    await stage.start()
    log = script()
    log.created("usr_1")
    log.group_created("grp_1", "usr_1", "nobody")
    log.group_deleted("grp_1")
    log.members_added("grp_1", "usr_1")
    log.created("usr_2", userName="nobody")

    await stage.applied(log)

    for table in ("lms.groups", "lms.group_members", "lms.sent_references"):
        assert await stage.rows(table) == []
    assert (await heard(stage, 5))[2:] == [
        "group.members_added grp_1 usr_1",
        "group.deleted grp_1",
        "user.created usr_2",
    ]
    assert await stage.findings() == []


async def test_a_staged_replacement_takes_effect_as_one(stage: Stage) -> None:
    """Readers see all of the old members or all of the new; changes are the difference, a thousand ids in each."""
    await stage.start()
    log = script()
    people = [f"usr_{number:04d}" for number in range(2600)]
    for user in people:
        log.created(user)
    log.group_created("grp_1")
    log.staged("grp_1", "req_1", people[:1000], people[1000:1500])
    log.staging_committed("grp_1", "req_1")
    await stage.applied(log)
    before = len(await stage.changes(2600 + 1 + 2))
    log.staged("grp_1", "req_2", people[500:1500], people[1500:2500])
    log.members_removed("grp_1", people[0])
    log.staging_committed("grp_1", "req_2")
    await log.publish(stage.client)
    seen = await counted(stage, log.head)

    assert seen <= {1500, 1499, 2000}
    assert [user for user, _, _ in await members(stage)] == people[500:2500]
    changes = [decode_change(message.headers, message.body) for message in (await stage.changes(before + 3))[before:]]
    assert [change.members for change in changes if isinstance(change, GroupMembersRemoved)] == [
        (people[0],),
        tuple(people[1:500]),
    ]
    assert [change.members for change in changes if isinstance(change, GroupMembersAdded)] == [tuple(people[1500:2500])]
    assert (
        await stage.rows("provisioning.stagings")
        == await stage.rows("provisioning.staged_members", "tenant, chunk")
        == []
    )
    assert await stage.findings() == []


async def test_a_staging_that_is_abandoned_never_counts(stage: Stage) -> None:
    """While it is open it is listed with its last chunk; then it is cleaned away, and the members are as they were."""
    await stage.start()
    log = script()
    log.created("usr_1")
    log.created("usr_2")
    log.group_created("grp_1", "usr_1")
    last = log.staged("grp_1", "req_1", ["usr_2"], ["nobody"])
    await stage.applied(log)
    (row,) = await stage.rows("provisioning.stagings")
    assert (row["partition"], row["staging"], row["chunks"], row["last_seq"]) == (0, "req_1", 2, last)

    log.staging_abandoned("grp_1", "req_1")
    await stage.applied(log)

    assert (
        await stage.rows("provisioning.stagings")
        == await stage.rows("provisioning.staged_members", "tenant, chunk")
        == []
    )
    assert await members(stage) == [("usr_1", True, 0)]
    assert await waiting(stage) == []


async def test_a_parked_fact_of_members_holds_up_its_group_alone(stage: Stage) -> None:
    """Head, members and stagings of the group queue behind it; a replacement of all supersedes what is given up."""
    await stage.start()
    log = script()
    log.created("usr_1")
    log.group_created("grp_1", "usr_1")
    log.group_created("grp_2")
    poison = log.group_poisoned("grp_1", chain="members")
    log.group_updated("grp_1", displayName="other")
    log.members_replaced("grp_1", "usr_1", "late")
    log.members_added("grp_2", "usr_1")
    await stage.applied(log)
    parked = [(fact.seq, fact.queued) for fact in await decisions.parked_facts(stage.database)]
    assert parked == [(poison, False), (poison + 3, True), (poison + 4, True)]
    assert await members(stage, "grp_2") == [("usr_1", True, 0)]

    await stage.decide(decisions.discard, poison, log)

    assert await decisions.parked_facts(stage.database) == []
    assert (await stage.rows("lms.groups", "id, display_name"))[0]["display_name"] == "other"
    assert await waiting(stage) == [("member", "grp_1", "late")]
    log.members_added("grp_1", "later")
    await stage.applied(log)
    assert await waiting(stage) == [("member", "grp_1", "late"), ("member", "grp_1", "later")]
    assert await stage.findings() == []


async def test_who_is_deleted_while_the_group_is_parked_does_not_come_back(stage: Stage) -> None:
    """When the group's facts are applied after all, the id of somebody who is gone has no effect."""
    await stage.start()
    log = script()
    log.created("usr_1")
    poison = log.group_poisoned("grp_1")
    log.group_created("grp_1", "usr_1")
    log.deleted("usr_1")
    await stage.applied(log)
    await stage.decide(decisions.discard, poison, log)

    assert await members(stage) == []
    assert await heard(stage, 3) == ["user.created usr_1", "user.deleted usr_1", "group.created grp_1"]
    assert await stage.findings() == []


async def test_a_rebuild_computes_groups_and_links_again(stage: Stage) -> None:
    """Every table is as it was, and consumers hear nothing of it; verify names what is changed behind the back."""
    _, stop = await stage.stoppable()
    log = script()
    log.tenant_created()
    for number in range(20):
        log.created(f"usr_{number}", externalId=f"x-{number}", **managed(f"x-{number // 3}"))
    log.group_created("grp_1", *(f"usr_{number}" for number in range(10)), "x-11", "nobody")
    log.deleted("usr_3")
    log.staged("grp_1", "req_1", ["usr_5"])
    await stage.applied(log)
    await stage.relayed()
    await stop()
    tables = tuple(set(TABLES) - {"provisioning.outbox", "provisioning.checkpoints"})
    before, published = await dump(stage.database, tables), await stage.changes(0)

    await rebuild(stage.client, stage.dsn, partitions=1, settings=QUICK)

    assert await dump(stage.database, tables) == before
    await stage.start()
    await stage.relayed()
    assert await stage.changes(0) == published
    await stage.database.execute("UPDATE lms.users SET manager_id = 'usr_9' WHERE id = 'usr_1'")
    await stage.database.execute("DELETE FROM lms.group_members WHERE user_id = 'usr_7'")
    await stage.database.execute("UPDATE lms.sent_references SET user_id = NULL WHERE value = 'x-11'")
    assert {(finding.resource, finding.what) for finding in await stage.findings()} == {
        ("usr_1", "lms.users: manager_id is 'usr_9', by the log 'usr_0'"),
        ("grp_1", "lms.group_members (usr_7): has no row"),
        ("grp_1", "lms.sent_references (member x-11): user_id is None, by the log 'usr_11'"),
    }


async def test_of_several_managers_the_first_that_links_counts(stage: Stage) -> None:
    """Enterprise value before the LMS's id, e-mail and name; one that links later but ranks first takes over."""
    await stage.start()
    log = script()
    log.created("usr_1", userName="by-name")
    log.created("usr_2", **{ENTERPRISE: {"manager": {"value": "first"}}, ILMS: {"manager": {"displayName": "by-name"}}})
    await stage.applied(log)
    assert (await stage.rows("lms.users", "id, manager_id"))[1]["manager_id"] == "usr_1"

    log.created("usr_3", userName="first")
    await stage.applied(log)

    assert (await heard(stage, 6))[2:] == [
        "user.manager_assigned usr_2 usr_1",
        "user.created usr_3",
        "user.manager_unassigned usr_2 usr_1",
        "user.manager_assigned usr_2 usr_3",
    ]
    assert await stage.findings() == []
