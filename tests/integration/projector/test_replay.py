"""Rebuild, verify and replay on real servers."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from rollbook_projector.replay.rebuild import ProjectorRunsError, rebuild
from rollbook_projector.replay.republish import TargetRefusedError, republish
from support.facts import TENANT, Script
from support.projecting import QUICK, Stage
from support.stored_log import dump

LMS = ("lms.users", "lms.tenants", "control.tenants", "provisioning.parked")


def people(count: int) -> Script:
    """Return the log of so many people, of whom some changed, left or could not be read."""
    script = Script()
    script.epoch()
    script.tenant_created()
    for number in range(count):
        user = f"usr_{number}"
        script.created(user, emails=[{"value": f"P{number}@example.com", "type": "work"}])
        if number % 3 == 0:
            script.updated(user, userName=f"renamed{number}", displayName="Renamed")
        if number % 7 == 1:
            script.deleted(user)
    return script


async def test_verify_finds_nothing_where_nothing_is_wrong(stage: Stage) -> None:
    """Rows and claims of a log that was applied equal its fold, also while the projector runs.

    So does a claim from when the blanks around a name counted.
    """
    await stage.start()
    script = people(50)
    script.created("usr_50", userName="Blank ")
    await stage.applied(script)

    assert await stage.findings() == []


async def test_verify_names_tenant_resource_and_what_differs(stage: Stage) -> None:
    """A changed, a missing and a superfluous row are each named."""
    await stage.start()
    await stage.applied(people(10))
    await stage.database.execute("UPDATE lms.users SET display_name = 'Mallory' WHERE id = 'usr_3'")
    await stage.database.execute("DELETE FROM lms.users WHERE id = 'usr_4'")
    await stage.database.execute("UPDATE lms.users SET id = 'usr_x' WHERE id = 'usr_5'")
    await stage.database.execute("UPDATE control.tenants SET enabled = false")

    found = {finding.resource: finding for finding in await stage.findings()}

    assert found.keys() == {"usr_3", "usr_4", "usr_5", "usr_x", TENANT}
    assert found["usr_3"].what == "lms.users: display_name is 'Mallory', by the log 'Renamed'"
    assert found["usr_4"].what == "lms.users: has no row"
    assert found["usr_x"].what == "lms.users: has a row that the log does not know"
    assert found[TENANT].what == "control.tenants: enabled is False, by the log True"
    assert {finding.tenant for finding in found.values()} == {TENANT}


async def test_verify_finds_claims_that_do_not_fit_the_people(stage: Stage) -> None:
    """A claim that was released behind its holder's back is named, with the value that nobody claims."""
    await stage.start()
    script = people(3)
    script.release_behind_the_back("usr_2")
    await stage.applied(script)

    (finding,) = await stage.findings()

    assert finding.resource == "usr_2"
    assert finding.what.startswith("claim of userName: named by the last fact of its holder, but free")


async def test_verify_says_when_the_log_is_another_one(stage: Stage) -> None:
    """Where the log is not the one that was applied nothing is compared."""
    await stage.start()
    await stage.applied(people(3))
    await stage.database.execute("UPDATE provisioning.checkpoints SET fact_id = 'another'")

    (finding,) = await stage.findings()

    assert finding.resource == "partition 00"
    assert finding.what.startswith("log_regressed")


async def test_a_rebuild_gives_the_same_tables_and_no_change_again(stage: Stage) -> None:
    """All rows are computed again as they were, and consumers hear nothing of it."""
    _, stop = await stage.stoppable()
    await stage.applied(people(40))
    await stage.relayed()
    await stop()
    before = await dump(stage.database, (*LMS, "provisioning.outbox", "provisioning.relayed"))
    published = await stage.changes(0)
    await stage.database.execute("UPDATE lms.users SET display_name = 'Mallory'")
    seen: list[tuple[int, int]] = []

    await rebuild(
        stage.client, stage.dsn, partitions=1, settings=QUICK, progress=lambda done, all_: seen.append((done, all_))
    )

    assert await dump(stage.database, (*LMS, "provisioning.outbox", "provisioning.relayed")) == before
    assert seen[-1][0] == seen[-1][1] == await stage.sequence()
    await stage.start()
    script = people(40)
    script.published = script.head
    script.created("usr_new")
    await stage.applied(script)
    assert len(await stage.changes(len(published) + 1)) == len(published) + 1
    assert await stage.findings() == []


async def test_a_rebuild_that_was_interrupted_is_finished_by_the_projector(stage: Stage) -> None:
    """What an interrupted rebuild leaves is an ordinary checkpoint, silent up to where the tables were."""
    _, stop = await stage.stoppable()
    await stage.applied(people(40))
    await stage.relayed()
    await stop()
    before = await dump(stage.database, LMS)
    published = await stage.changes(0)

    def die(_done: int, _all: int) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await rebuild(stage.client, stage.dsn, partitions=1, settings=QUICK, progress=die)
    await stage.start()
    await stage.reached(people(40).head)

    assert await dump(stage.database, LMS) == before
    await stage.relayed()
    assert await stage.changes(0) == published


async def test_a_rebuild_refuses_while_a_projector_runs(stage: Stage) -> None:
    """It names the process that must be stopped, and changes nothing."""
    await stage.start()
    await stage.applied(people(3))

    with pytest.raises(ProjectorRunsError, match="Partition 0 is applied by rollbook-projector"):
        await rebuild(stage.client, stage.dsn, partitions=1, settings=QUICK)

    assert len(await stage.rows("lms.users")) == 2


async def test_a_replay_repeats_what_was_sent(stage: Stage) -> None:
    """From the middle on, same ids in the same order, marked as replayed, to the given subject alone."""
    await stage.start()
    await stage.applied(people(300))
    original = await stage.changes(300 + 100 + 43)
    middle = original[len(original) // 2].sequence
    received: asyncio.Queue[tuple[str, bytes, str]] = asyncio.Queue()

    async def receive(message: object) -> None:
        headers = message.headers  # type: ignore[attr-defined]
        received.put_nowait((headers["ce-id"], message.data, headers["ce-replayed"]))  # type: ignore[attr-defined]

    subscription = await stage.client.subscribe("again.mine", cb=receive)

    sent = await republish(stage.client, to="again.mine", start=middle)

    expected = [(message.headers["ce-id"], message.body, "true") for message in original if message.sequence >= middle]
    assert sent == len(expected)
    assert [await received.get() for _ in expected] == expected
    assert await stage.changes(0) == original
    await subscription.unsubscribe()


async def test_a_replay_is_bounded_by_sequence_time_and_tenant(stage: Stage) -> None:
    """Both ends are included; a time before the first change means all, one behind the last one none."""
    await stage.start()
    await stage.applied(people(6))
    original = await stage.changes(9)
    first, last = original[0].sequence, original[-1].sequence
    late = datetime.now(UTC) + timedelta(hours=1)

    assert await republish(stage.client, to="again", start=first, until=last) == len(original)
    assert await republish(stage.client, to="again", start=first + 1, until=last - 1) == len(original) - 2
    assert await republish(stage.client, to="again", start=late) == 0
    assert await republish(stage.client, to="again", start=late - timedelta(days=1), until=late) == len(original)
    assert await republish(stage.client, to="again", start=1, until=late - timedelta(days=1)) == 0
    assert await republish(stage.client, to="again", tenant=TENANT) == len(original)
    assert await republish(stage.client, to="again", tenant="ten_other") == 0


@pytest.mark.parametrize("subject", ["lms.ten_a.user.x", "fact.00.x", "$JS.API.x", "a..b", "a.*", ""])
async def test_a_replay_refuses_subjects_that_are_not_its_own(stage: Stage, subject: str) -> None:
    """Changes sent again never stand in a stream of Rollbook's."""
    with pytest.raises(TargetRefusedError):
        await republish(stage.client, to=subject)
