"""A tenant whose facts weigh much is applied apart: nobody else waits, and it misses nothing."""

import asyncio
import json
from collections import defaultdict
from dataclasses import replace

import pytest

from rollbook_contracts.urns import ENTERPRISE
from rollbook_projector import partition
from rollbook_projector.apart.run import Run, apply_run
from rollbook_projector.checkpoint import Checkpoint
from rollbook_projector.replay.rebuild import rebuild
from rollbook_projector.status import TenantStatus, read_status
from support.consumer import Listener
from support.facts import Script
from support.projecting import QUICK, Stage, until

PEOPLE = 300
RENAMES = 20
SMALL = replace(QUICK, most=300)


def managed(value: str) -> dict[str, object]:
    """Return attributes by which a person has a manager."""
    return {ENTERPRISE: {"manager": {"value": value}}}


def company(people: int = PEOPLE) -> Script:
    """Return a log of a tenant whose people name one manager, who is there."""
    script = Script(tenant="ten_heavy")
    script.epoch()
    script.created("usr_boss", displayName="Boss 0")
    for number in range(people):
        script.created(f"usr_{number}", **managed("boss 0"))
    return script


def renamed(script: Script, times: int) -> None:
    """Rename the manager away and back: each time all links are undone, or made."""
    for number in range(times):
        script.updated("usr_boss", displayName=f"Boss {(number + 1) % 2}")


def somebody_else(script: Script, user: str) -> int:
    """Add a person of another tenant."""
    tenant, script.tenant = script.tenant, "ten_other"
    try:
        return script.created(user)
    finally:
        script.tenant = tenant


async def apart(stage: Stage) -> tuple[TenantStatus, ...]:
    """Return who is applied apart."""
    (partition,) = (await read_status(stage.client, stage.database, 1)).partitions
    return partition.apart


async def together(stage: Stage, script: Script) -> None:
    """Wait until everybody is applied with the partition again."""

    async def nobody_apart() -> bool:
        return await stage.sequence() >= script.head and not await apart(stage)

    await until(nobody_apart, within=100)


async def assert_told(stage: Stage) -> None:
    """Changes follow each other for each resource without a gap, each once, and end as the tables do."""
    await stage.relayed()
    listeners: dict[str, Listener] = defaultdict(Listener)
    messages = await stage.changes(0)
    for message in messages:
        body = json.loads(message.body)
        listeners[body["tenant"]].hear(message.headers["ce-type"].removesuffix(".v1"), body)
    ids = [message.headers["ce-id"] for message in messages]
    assert len(ids) == len(set(ids))
    rows = await stage.rows("lms.users", "tenant, id, manager_id")
    for tenant, listener in listeners.items():
        assert listener.people == {row["id"]: (True, row["manager_id"]) for row in rows if row["tenant"] == tenant}


async def test_nobody_waits_for_a_manager_of_many_who_is_renamed_again_and_again(stage: Stage) -> None:
    """300 people name one manager, who is renamed 20 times: another tenant's person is there long before the end."""
    script = company()
    renamed(script, RENAMES)
    other = somebody_else(script, "usr_x")
    await script.publish(stage.client)
    await stage.start(SMALL)

    await stage.reached(other)

    assert await stage.rows("lms.users", "id, tenant", "tenant = 'ten_other'")
    (behind,) = await apart(stage)
    assert behind.tenant == "ten_heavy"
    assert behind.applied < behind.until == other - 2
    await together(stage, script)
    assert await stage.findings() == []
    await assert_told(stage)
    assert len(await stage.changes(0)) == PEOPLE * (2 + RENAMES) + 1 + RENAMES + 1


async def test_verify_and_rebuild_know_who_is_applied_apart(stage: Stage) -> None:
    """While a tenant is behind the tables are right as far as it is; a rebuild tells nobody anything twice."""
    script = company(100)
    renamed(script, 60)
    last = somebody_else(script, "usr_x")
    await script.publish(stage.client)
    settings = replace(SMALL, most=100)
    _, stop = await stage.stoppable(settings)
    await stage.reached(last)

    async def in_the_middle() -> bool:
        return any(last - 60 < one.applied < one.until for one in await apart(stage))

    await until(in_the_middle)
    await stop()
    assert await apart(stage)
    assert await stage.findings() == []

    await rebuild(stage.client, stage.dsn, partitions=1, settings=settings)
    assert await stage.findings() == []
    await stage.start(settings)
    await together(stage, script)

    assert await stage.findings() == []
    await assert_told(stage)


async def test_a_write_becomes_visible_whole(stage: Stage) -> None:
    """A group's head and its staged members, and many facts of members, are seen together, however little is pulled."""
    script = Script()
    script.epoch()
    for number in range(6):
        script.created(f"usr_{number}")
    with script.write():
        script.group_created("grp_1", "usr_0", displayName="0")
    for number in range(1, 6):
        script.staged("grp_1", f"req_{number}", ["usr_1"], ["usr_2"])
        with script.write():
            script.group_updated("grp_1", displayName=str(number))
            script.staging_committed("grp_1", f"req_{number}")
            for place in range(3, 3 + number % 3):
                script.members_added("grp_1", f"usr_{place}")
    await script.publish(stage.client)
    await stage.start(replace(QUICK, batch=1, pace=0))
    possible = {None, ("0", 1), ("1", 3), ("2", 4), ("3", 2), ("4", 3), ("5", 4)}

    async def seen() -> bool:
        row = await stage.database.fetchrow(
            "SELECT display_name, (SELECT count(*) FROM lms.group_members), seq FROM provisioning.checkpoints"
            " LEFT JOIN lms.groups ON true"
        )
        assert row is None or row[0] is None or (row[0], row[1]) in possible, row
        return row is not None and row[2] == script.head

    await until(seen)
    assert await stage.rows("lms.groups", "display_name, members_seq") == [
        {"display_name": "5", "members_seq": script.head}
    ]


async def test_what_is_interrupted_comes_back_smaller_and_status_says_so(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that never goes through is tried with half, until it does; meanwhile it is told what fails, how often."""
    tried: list[int] = []
    goes_through = asyncio.Event()

    async def fragile(connection: object, applying: object, run: Run, most: int) -> tuple[Checkpoint, str]:
        tried.append(len(run.messages))
        if len(run.messages) > 2 or not goes_through.is_set():
            raise TimeoutError("too much")
        return await apply_run(connection, applying, run, most)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(partition, "apply_run", fragile)
    script = Script()
    for number in range(20):
        script.created(f"usr_{number}")
    await script.publish(stage.client)
    await stage.start()

    async def told() -> bool:
        (one,) = (await read_status(stage.client, stage.database, 1)).partitions
        return one.interrupted >= 5 and one.interruption == "interrupted: too much"

    await until(told)
    goes_through.set()
    await stage.reached(script.head)

    assert tried[0] == script.head
    (status,) = (await read_status(stage.client, stage.database, 1)).partitions
    assert (status.interrupted, status.interruption) == (0, None)
    assert len(await stage.rows("lms.users")) == 20
