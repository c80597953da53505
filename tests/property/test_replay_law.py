"""The law of the projector: however a log is cut into batches, tables and outbox are the same, byte for byte."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from rollbook_contracts.urns import ENTERPRISE, ILMS
from support.consumer import outcome, told
from support.facts import Script
from support.stored_log import MISHAPS, apply_as_it_grew, apply_in_batches, apply_with_tenants_apart, dump


@dataclass
class Story:
    """A script made from random steps, each of which makes sense where it stands.

    People share display names and employee numbers, and are somebody's manager or a group's member by anything that
    they are found by, whether they are there or not.
    """

    script: Script = field(default_factory=Script)
    people: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    stagings: dict[str, str] = field(default_factory=dict)
    """Group → what is staged of its members."""
    queues: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    """Resource → what must be set aside: sequence, and why: "never" can be applied, "waits", or is the "end"."""

    def step(self, verb: str, number: int, value: str) -> None:
        """Take one step, if it makes sense."""
        user, group = f"usr_{number}", f"grp_{number}"
        match verb:
            case "create" if user not in self.people | self.gone:
                self.people.add(user)
                self._good(user, self.script.created(user, **person(f"{user}@{self.script.head}", value)))
            case "create group" if group not in self.groups | self.gone:
                self.groups.add(group)
                self._good(group, self.script.group_created(group))
            case "tenant":
                self.script.tenant_disabled(f"name {self.script.head}")
            case "epoch":
                self.script.epoch(self.script.head + 1)
            case "retry" | "discard":
                self._decide(verb, user if value < "f" else group)
            case _ if "group" in verb and group in self.groups:
                self._write_group(verb, group, value)
            case _ if "group" not in verb and user in self.people:
                self._write(verb, user, value)

    def _decide(self, verb: str, resource: str) -> None:
        queue = self.queues.get(resource, [])
        if verb == "retry" and queue:
            self.script.park_retried(queue[0][0])
        # Of a group only what its end supersedes is given up here.
        end = resource in self.gone and queue and queue[-1][1] == "end"
        if verb == "discard" and len(queue) > 1 and (resource.startswith("usr") or end):
            self.script.park_discarded(queue.pop(0)[0])
            while queue and queue[0][1] != "never":
                queue.pop(0)
            if not queue:
                del self.queues[resource]

    def _good(self, resource: str, sequence: int, what: str = "waits") -> None:
        if resource in self.queues:
            self.queues[resource].append((sequence, what))

    def _bad(self, resource: str, sequence: int) -> None:
        self.queues.setdefault(resource, []).append((sequence, "never"))

    def _write(self, verb: str, user: str, value: str) -> None:
        script = self.script
        match verb:
            case "poison":
                self._bad(user, script.poisoned(user))
            case "refused":
                # PostgreSQL cannot hold this one; those that follow do not repeat it.
                self._bad(user, script.wrong(user, displayName="\x00"))
            case "rename":
                self._good(user, script.updated(user, userName=f"{user}-{script.head}", displayName=value))
            case "number":
                self._good(user, script.updated(user, externalId=value, **{ENTERPRISE: {"employeeNumber": value}}))
            case "manager":
                managers = {
                    ENTERPRISE: {"manager": {"value": value}},
                    ILMS: {"manager": {"email": "eve", "id": "usr_1"}},
                }
                self._good(user, script.updated(user, **managers))
            case "reclaim":
                self._good(user, script.claims_changed(user))
            case "deactivate":
                self._good(user, script.deactivated(user))
            case "delete":
                self.people.remove(user)
                self.gone.add(user)
                self._good(user, script.deleted(user), "end")
            case "update":
                self._good(user, script.updated(user, title=f"title {script.head}"))

    def _write_group(self, verb: str, group: str, value: str) -> None:
        script = self.script
        match verb:
            case "poison group":
                self._bad(group, script.group_poisoned(group, chain="group" if value < "f" else "members"))
            case "rename group":
                self._good(group, script.group_updated(group, displayName=f"{group} {script.head}"))
            case "delete group":
                self.groups.remove(group)
                self.gone.add(group)
                at = script.group_deleted(group)
                self._good(group, at - 1, "end")
                self._good(group, at, "end")
            case "group add":
                self._good(group, script.members_added(group, value, "eve"))
            case "group remove":
                self._good(group, script.members_removed(group, value))
            case "group patch":
                at = script.members_patched(group, ("add", value), ("remove", "usr_0"), ("add", "bob"))
                for sequence in range(at - 2, at + 1):
                    self._good(group, sequence)
            case "group replace":
                self._good(group, script.members_replaced(group, value, "usr_1"))
            case _:
                self._write_staging(verb, group, value)

    def _write_staging(self, verb: str, group: str, value: str) -> None:
        script = self.script
        match verb:
            case "group stage":
                name = self.stagings.setdefault(group, f"req_{script.head}")
                self._good(group, script.staged(group, name, [value, "usr_0"]))
            case "group commit" if group in self.stagings:
                at = script.staging_committed(group, self.stagings.pop(group))
                self._good(group, at - 1)
                self._good(group, at)
            case "group abandon" if group in self.stagings:
                self._good(group, script.staging_abandoned(group, self.stagings.pop(group)))


def person(user_name: str, value: str) -> dict[str, Any]:
    """Return a new person, who has a value that others may be sent by, and somebody for a manager."""
    manager = {"value": value[::-1]} if value < "c" else {"value": value}
    return {"userName": user_name, "displayName": value.title(), ENTERPRISE: {"manager": manager}}


PEOPLE_VERBS = (
    "create",
    "update",
    "rename",
    "number",
    "manager",
    "reclaim",
    "deactivate",
    "delete",
    "poison",
    "refused",
)
GROUP_VERBS = (
    "create group",
    "rename group",
    "delete group",
    "poison group",
    "group add",
    "group remove",
    "group patch",
    "group replace",
    "group stage",
    "group commit",
    "group abandon",
)
VERBS = (*PEOPLE_VERBS, *GROUP_VERBS, "retry", "discard", "tenant", "epoch")
VALUES = ("bob", "eve", "Eve", "usr_0", "usr_1", "usr_2", "usr_0@1", "nobody")
BEGINNING = [("create", 0, "bob"), ("create", 1, "eve"), ("create group", 0, ""), ("create group", 1, "")]
STEPS = st.lists(st.tuples(st.sampled_from(VERBS), st.integers(0, 2), st.sampled_from(VALUES)), min_size=1, max_size=40)
CUTS = st.lists(st.tuples(st.integers(1, 12), st.sampled_from(("", "", *MISHAPS))), min_size=1)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Lend a connection to the test's database."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, cuts=CUTS)
@example(steps=[("refused", 0, "eve"), ("update", 0, "eve")], cuts=[(2, "")])
@example(steps=[("refused", 0, "eve"), ("update", 0, "eve"), ("discard", 0, "eve")], cuts=[(1, "")])
@example(steps=[("refused", 0, "eve"), ("reclaim", 0, "eve"), ("discard", 0, "eve")], cuts=[(1, "")])
@example(steps=[("poison", 0, "eve"), ("poison", 0, "eve"), ("discard", 0, "eve")], cuts=[(1, "")])
async def test_any_cut_gives_the_same_tables_and_outbox(
    database: asyncpg.Connection, steps: list[tuple[str, int, str]], cuts: list[tuple[int, str]]
) -> None:
    """Fact by fact as the log grew, or in any batches with crashes, restarts and redelivery: no byte differs."""
    story = Story()
    for verb, number, value in [*BEGINNING, *steps]:
        story.step(verb, number, value)
    event(f"parked at the end: {bool(story.queues)}")

    await apply_as_it_grew(database, story.script)
    expected = await dump(database)
    await apply_in_batches(database, story.script, cuts)

    assert await dump(database) == expected
    assert await outcome(database) == await told(database)
    parked = await database.fetch("SELECT seq FROM provisioning.parked WHERE NOT discarded")
    assert {sequence for (sequence,) in parked} == {
        sequence for queue in story.queues.values() for sequence, _ in queue
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=settings().max_examples // 2)
@given(steps=STEPS, cuts=st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1))
async def test_a_tenant_that_is_applied_apart_has_the_same_tables_and_outbox(
    database: asyncpg.Connection, steps: list[tuple[str, int, str]], cuts: list[tuple[int, bool]]
) -> None:
    """Left over whenever anything is linked, and caught up at any time: no byte differs."""
    story = Story()
    for verb, number, value in [*BEGINNING, *steps]:
        story.step(verb, number, value)
    await apply_in_batches(database, story.script, [(500, "")])
    expected = await dump(database)

    await apply_with_tenants_apart(database, story.script, cuts)

    assert await dump(database) == expected
    assert await outcome(database) == await told(database)
