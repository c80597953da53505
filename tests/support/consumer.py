"""What an LMS service would make of the changes alone, to be compared with the tables that they tell of."""

import json
from typing import Any, TypeAlias

import asyncpg

Outcome: TypeAlias = dict[str, Any]
"""Who is there, who is whose member and manager, and the last change of each."""


async def outcome(database: asyncpg.Connection) -> Outcome:
    """Return what the tables say."""
    people = await database.fetch("SELECT id, active, manager_id, last_change FROM lms.users")
    groups = await database.fetch("SELECT id, last_change FROM lms.groups")
    members = await database.fetch("SELECT group_id, user_id FROM lms.group_members")
    return {
        "people": {user: (active, manager) for user, active, manager, _ in people},
        "groups": {group for group, _ in groups},
        "members": {(group, user) for group, user in members},
        "versions": dict(groups) | {user: change for user, _, _, change in people},
    }


async def told(database: asyncpg.Connection) -> Outcome:
    """Return what the changes in the outbox say, which must follow each other without a gap or a repetition."""
    listener = Listener()
    for wire_type, body in await database.fetch(
        "SELECT type, body FROM provisioning.outbox ORDER BY epoch, seq, ordinal"
    ):
        listener.hear(wire_type.removesuffix(".v1"), json.loads(body))
    return {
        "people": listener.people,
        "groups": listener.groups,
        "members": listener.members,
        "versions": listener.versions,
    }


class Listener:
    """Keeps what it is told; an event that does not fit what it knows is an error."""

    def __init__(self) -> None:
        self.people: dict[str, tuple[bool, str | None]] = {}
        self.groups: set[str] = set()
        self.members: set[tuple[str, str]] = set()
        self.versions: dict[str, str] = {}

    def hear(self, kind: str, change: dict[str, Any]) -> None:
        """Take in one change."""
        resource = change["id"]
        assert change.get("previous") == self.versions.get(resource), (kind, change)
        self.versions[resource] = change["version"]
        if kind.startswith("group."):
            self._group(kind, resource, set(change.get("members", ())))
        else:
            self._person(kind, resource, change.get("manager"))

    def _group(self, kind: str, group: str, people: set[str]) -> None:
        pairs = {(group, user) for user in people}
        match kind:
            case "group.created":
                self.groups.add(group)
            case "group.deleted":
                self.groups.remove(group)
                self.members = {pair for pair in self.members if pair[0] != group}
                del self.versions[group]
            case "group.members_added":
                assert pairs.isdisjoint(self.members), pairs
                self.members |= pairs
            case "group.members_removed":
                assert pairs <= self.members, pairs
                self.members -= pairs

    def _person(self, kind: str, user: str, manager: str | None) -> None:
        active, had = self.people.get(user, (True, None))
        match kind:
            case "user.created":
                self.people[user] = (True, None)
            case "user.deleted":
                del self.people[user], self.versions[user]
            case "user.deactivated" | "user.reactivated":
                self.people[user] = (kind == "user.reactivated", had)
            case "user.manager_assigned":
                assert had is None, (user, had)
                self.people[user] = (active, manager)
            case "user.manager_unassigned":
                assert had == manager, (user, had, manager)
                self.people[user] = (active, None)
