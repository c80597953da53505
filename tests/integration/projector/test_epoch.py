"""An epoch begins on another log than the one that was applied: tables equal the log, and consumers come along."""

from dataclasses import replace

import msgspec
import pytest

from rollbook_contracts.changes.envelope import ChangeKey
from rollbook_contracts.streams import CHANGES
from rollbook_contracts.urns import ENTERPRISE
from rollbook_projector.recorded import LogMessage
from rollbook_projector.replay.epoch import start_epoch, troubles
from rollbook_projector.replay.rebuild import ProjectorRunsError, rebuild
from support.facts import Script, create_stream, delete_stream, topology
from support.projecting import QUICK, Stage, stored, until
from support.stored_log import dump, empty

one_by_one = replace(QUICK, batch=1, relay_poll=0.01)
TABLES = ("lms.users", "lms.groups", "lms.group_members", "lms.sent_references", "lms.tenants", "control.tenants")


def first_part() -> Script:
    """Return a log with people, of whom one has a manager, and groups with members."""
    script = Script()
    script.epoch()
    script.tenant_created()
    for number in range(6):
        script.created(f"usr_{number}", displayName=f"Person {number}", title="Tutor")
    script.updated("usr_1", **{ENTERPRISE: {"manager": {"value": "usr_0"}}})
    script.group_created("grp_a", "usr_0", "usr_1", "usr_2")
    script.group_created("grp_b", "usr_3")
    return script


def second_part(script: Script) -> Script:
    """Go on in all ways that consumers are told of."""
    script.created("usr_new")
    script.updated("usr_0", displayName="Renamed")
    script.updated("usr_1", **{ENTERPRISE: {"manager": {"value": "usr_2"}}})
    script.deactivated("usr_2")
    script.deleted("usr_3")
    script.members_added("grp_a", "usr_4", "usr_new")
    script.members_removed("grp_a", "usr_0")
    script.group_deleted("grp_b")
    script.group_created("grp_new", "usr_5")
    script.updated("usr_5", title="Dean")
    return script


class Consumer:
    """What an LMS service has that follows the changes: who is there, active, in which version, with what links."""

    def __init__(self, changes: list[LogMessage]) -> None:
        self.versions: dict[str, str] = {}
        self.members: dict[str, set[str]] = {}
        self.managers: dict[str, str] = {}
        self.inactive: set[str] = set()
        self.gaps: list[str] = []
        self.read(changes)

    def read(self, changes: list[LogMessage]) -> None:
        """Take changes in, in order."""
        for change in changes:
            self._take(change)

    def _take(self, change: LogMessage) -> None:
        body = msgspec.json.decode(change.body)
        resource, (_, verb, _) = body["id"], change.headers["ce-type"].split(".")
        if body.get("previous") != self.versions.get(resource) and verb != "created":
            self.gaps.append(f"{body['version']} of {resource} follows {body.get('previous')}")
        self.versions[resource] = body["version"]
        match verb:
            case "deleted":
                self.versions.pop(resource, None)
                self.members.pop(resource, None)
                self.managers.pop(resource, None)
                self.inactive.discard(resource)
            case "members_added":
                self.members.setdefault(resource, set()).update(body["members"])
            case "members_removed":
                self.members.setdefault(resource, set()).difference_update(body["members"])
            case "manager_assigned":
                self.managers[resource] = body["manager"]
            case "manager_unassigned":
                self.managers.pop(resource, None)
            case "deactivated":
                self.inactive.add(resource)
            case "reactivated":
                self.inactive.discard(resource)


async def require_consumer_has_the_tables(stage: Stage) -> Consumer:
    """Check that who followed the changes has what the tables hold, and saw no gap; return that consumer."""
    await stage.relayed()
    changes = await stage.changes(0)
    keys = [ChangeKey.parse(change.headers["ce-id"]) for change in changes]
    assert keys == sorted(set(keys))
    consumer = Consumer(changes)
    await require_has_the_tables(stage, consumer)
    assert consumer.gaps == []
    return consumer


async def require_has_the_tables(stage: Stage, consumer: Consumer) -> None:
    """Check that a consumer has what the tables hold."""
    users = await stage.rows("lms.users", "id, last_change, active, manager_id")
    groups = await stage.rows("lms.groups", "id, last_change")
    members: dict[str, set[str]] = {}
    for row in await stage.rows("lms.group_members", "group_id, user_id"):
        members.setdefault(row["group_id"], set()).add(row["user_id"])
    assert consumer.versions == {row["id"]: row["last_change"] for row in [*users, *groups]}
    assert consumer.managers == {row["id"]: row["manager_id"] for row in users if row["manager_id"]}
    assert consumer.inactive == {row["id"] for row in users if not row["active"]}
    assert {group: people for group, people in consumer.members.items() if people} == members


async def put_changes_back(stage: Stage, share: float) -> list[LogMessage]:
    """Lose the last part of CHANGES; return the changes that are left."""
    messages = await stored(stage.client, CHANGES)
    await stage.client.request(f"$JS.API.STREAM.DELETE.{CHANGES}", b"", timeout=10)
    await create_stream(stage.client, topology().changes_stream())
    for message in messages[: round(len(messages) * share)]:
        headers = {name: value for name, value in message.headers.items() if not name.startswith("Nats-")}
        await stage.client.request(message.subject, message.body, headers=headers, timeout=10)
    return await stage.changes(0)


async def put_back(stage: Stage, script: Script) -> None:
    """Put another log in the place of the partition's."""
    await delete_stream(stage.client, 0)
    await create_stream(stage.client, topology().log_streams()[0])
    script.published = 0
    await script.publish(stage.client)


async def begin(stage: Stage) -> int:
    return (await start_epoch(stage.client, stage.dsn, partitions=1, settings=QUICK)).epoch


@pytest.mark.parametrize("kept", ["all of the first part", "but its groups", "nothing"])
async def test_a_log_that_was_put_back_is_what_the_tables_come_to(stage: Stage, kept: str) -> None:
    """Lost people and memberships go, lost deletions come back, consumers hear of each without a gap."""
    _, stop = await stage.stoppable()
    await stage.applied(second_part(first_part()))
    await stage.relayed()
    await stop()
    older = first_part()
    if kept == "nothing":
        older = Script()
        older.epoch()
    elif kept == "but its groups":
        del older.messages[older.messages.index(next(m for m in older.messages if "grp_a" in m.subject)) - 1 :]
    await put_back(stage, older)
    assert [text for text in await troubles(stage.client, stage.database, 1) if "log_regressed" in text]

    assert await begin(stage) == 2

    assert await troubles(stage.client, stage.database, 1) == []
    _, stop = await stage.stoppable()
    await require_consumer_has_the_tables(stage)
    assert await stage.findings() == []
    present = {row["id"] for row in await stage.rows("lms.users", "id, tenant")}
    assert present == (set() if kept == "nothing" else {f"usr_{number}" for number in range(6)})
    later = Script()
    later.skip_to(int(await stage.sequence()))
    if kept == "nothing":
        later.tenant_created()
    later.created("usr_later")
    await stage.applied(later)
    await require_consumer_has_the_tables(stage)
    assert await stage.findings() == []
    await stop()


@pytest.mark.parametrize("left", [0, 0.4, 0.8])
@pytest.mark.parametrize("log", ["put back", "whole"])
async def test_changes_put_back_with_the_log_are_told_again(stage: Stage, log: str, left: float) -> None:
    """Where CHANGES is older than the tables, who had read all of it comes along, and who begins with what is left."""
    _, stop = await stage.stoppable(one_by_one)
    script = second_part(first_part())
    await stage.applied(script)
    await stage.relayed()
    await stop()
    read_all = Consumer(await stage.changes(0))
    begun = len(await put_changes_back(stage, left))
    await put_back(stage, script if log == "whole" else first_part())

    await begin(stage)

    _, stop = await stage.stoppable()
    await stage.relayed()
    changes = await stage.changes(0)
    read_all.read(changes[begun:])
    await require_has_the_tables(stage, read_all)
    await require_has_the_tables(stage, Consumer(changes))
    assert await stage.findings() == []
    await stop()


async def test_a_rebuild_after_an_epoch_gives_the_same_tables(stage: Stage) -> None:
    """The corrections are in the log, so whoever folds it comes to the same versions."""
    _, stop = await stage.stoppable()
    await stage.applied(second_part(first_part()))
    await stage.relayed()
    await stop()
    await put_back(stage, first_part())
    await begin(stage)
    _, stop = await stage.stoppable()
    await stage.relayed()
    await stop()
    before = await dump(stage.database, TABLES)
    told = await stage.changes(0)

    await rebuild(stage.client, stage.dsn, partitions=1, settings=QUICK)

    assert await dump(stage.database, TABLES) == before
    _, stop = await stage.stoppable()
    await stage.relayed()
    assert await stage.changes(0) == told
    await stop()


async def test_facts_of_the_time_before_the_epoch_are_kept_and_told(stage: Stage) -> None:
    """What gateways wrote to the log after it was put back, at places that were given before, reaches everybody."""
    _, stop = await stage.stoppable()
    await stage.applied(second_part(first_part()))
    await stage.relayed()
    await stop()
    other = first_part()
    other.requests = "req_after"
    other.updated("usr_0", displayName="Written after")
    for number in range(20):
        other.created(f"usr_after{number}")
    await put_back(stage, other)

    await begin(stage)
    _, stop = await stage.stoppable()

    consumer = await require_consumer_has_the_tables(stage)
    assert {f"usr_after{number}" for number in range(20)} <= consumer.versions.keys()
    assert await stage.findings() == []
    await stop()


async def test_changes_that_are_ahead_of_log_and_tables_halt_the_relay_until_an_epoch_begins(stage: Stage) -> None:
    """Log and tables were put back, CHANGES was not: other people under the same keys are not taken for published."""
    _, stop = await stage.stoppable()
    await stage.applied(second_part(first_part()))
    await stage.relayed()
    await stop()
    told = await stage.changes(0)
    await empty(stage.database)
    other = first_part()
    other.requests = "req_other"
    for number in range(20):
        other.created(f"usr_other{number}")
    await put_back(stage, other)
    _, stop = await stage.stoppable()
    await stage.reached(other.head)

    assert (await relay_halted(stage)).startswith("changes_ahead: ")
    await stop()
    assert await stage.changes(0) == told
    assert any("provisioning.relayed: halted is 'changes_ahead" in one.what for one in await stage.findings())
    assert [text for text in await troubles(stage.client, stage.database, 1) if "changes_ahead" in text]

    await begin(stage)

    _, stop = await stage.stoppable()
    consumer = await require_consumer_has_the_tables(stage)
    assert {f"usr_other{number}" for number in range(20)} <= consumer.versions.keys()
    assert not consumer.versions.keys() & {"usr_new", "grp_new"}
    assert await stage.findings() == []
    await stop()


async def test_an_epoch_is_refused_while_a_projector_runs(stage: Stage) -> None:
    """Nothing is appended then."""
    await stage.start()
    await stage.applied(first_part())

    with pytest.raises(ProjectorRunsError):
        await begin(stage)
    assert await stage.sequence() == first_part().head


async def test_who_dies_while_beginning_an_epoch_begins_another(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """An epoch that was begun and not finished leaves the tables as they were; the next one tells all."""
    _, stop = await stage.stoppable()
    await stage.applied(second_part(first_part()))
    await stage.relayed()
    await stop()
    await put_back(stage, first_part())
    before = await dump(stage.database, TABLES)

    def die(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr("rollbook_projector.replay.epoch.recompute", die)
        with pytest.raises(ConnectionError):
            await begin(stage)
    assert await dump(stage.database, TABLES) == before

    assert await begin(stage) == 3

    _, stop = await stage.stoppable()
    await require_consumer_has_the_tables(stage)
    assert await stage.findings() == []
    await stop()


async def relay_halted(stage: Stage) -> str:
    """Wait until the relay stands still and return why."""

    async def why() -> str | None:
        found: str | None = await stage.database.fetchval("SELECT halted FROM provisioning.relayed")
        return found

    return str(await until(why))
