"""The tables compared with what a play must have made of them; `rollbook demo` ends with it."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, Final

import asyncpg

from rollbook.demo.result import DemoResult
from rollbook.snapshot.names import Names, NameSet

_PEOPLE: Final = "SELECT * FROM lms.users WHERE tenant = $1"
_GROUPS: Final = "SELECT id, display_name FROM lms.groups WHERE tenant = $1"
_MEMBERS: Final = "SELECT group_id, user_id FROM lms.group_members WHERE tenant = $1"
_PENDING: Final = """
SELECT r.kind, r.holder_id, r.value FROM lms.sent_references AS r
LEFT JOIN lms.users AS u ON r.kind = 'manager' AND u.tenant = r.tenant AND u.id = r.holder_id
WHERE r.tenant = $1 AND r.user_id IS NULL AND NOT r.target_deleted AND u.manager_id IS NULL
"""


async def findings(connection: asyncpg.Connection, tenant: str, expected: DemoResult) -> list[str]:
    """Return everything that is otherwise than the play must have made it; the tables must show all of the play."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        people = {row["id"]: row for row in await connection.fetch(_PEOPLE, tenant)}
        groups = {row["id"]: row["display_name"] for row in await connection.fetch(_GROUPS, tenant)}
        members = defaultdict[str, set[str]](set)
        for group_id, user_id in await connection.fetch(_MEMBERS, tenant):
            members[group_id].add(user_id)
        pending = await connection.fetch(_PENDING, tenant)
    return [
        *_of_people(people, expected),
        *_of_groups(groups, members, expected),
        *_of_managers(people, expected),
        *_of_pending(people, pending),
    ]


def _of_people(people: dict[str, Any], expected: DemoResult) -> Iterator[str]:
    times = Counter(row["external_id"] for row in people.values())
    for user_id, wanted in expected.rows.items():
        row = people.get(user_id)
        if row is None:
            yield f"{wanted['user_name']} ({user_id}) is not in the tables"
            continue
        for name, value in wanted.items():
            if row[name] != value:
                yield f"{user_id}: {name} is {row[name]!r} instead of {value!r}"
        if times[wanted["external_id"]] > 1:
            yield f"{wanted['user_name']} is in the tables {times[wanted['external_id']]} times"
    yield from (f"{user_id} was deleted and is in the tables" for user_id in expected.gone & people.keys())


def _of_groups(groups: dict[str, str], members: dict[str, set[str]], expected: DemoResult) -> Iterator[str]:
    for group_id, wanted in expected.groups.items():
        if groups.get(group_id) != wanted.name:
            yield f"group {wanted.name!r} ({group_id}) is called {groups.get(group_id)!r} in the tables"
        missing, more = wanted.members - members.get(group_id, set()), members.get(group_id, set()) - wanted.members
        if missing or more:
            yield f"group {wanted.name!r} lacks {len(missing)} members and has {len(more)} that it must not have"


def _of_managers(people: dict[str, Any], expected: DemoResult) -> Iterator[str]:
    for user_id, manager in expected.managers.items():
        linked = people[user_id]["manager_id"] if user_id in people else None
        if linked != manager:
            yield f"{user_id} has manager {linked} instead of {manager}"


def _of_pending(people: dict[str, Any], pending: list[Any]) -> Iterator[str]:
    """Nothing may wait for somebody who is there."""
    names = Names()
    for user_id, row in people.items():
        own = NameSet(row["external_id"], row["user_name"], row["email"], row["employee_id"], row["display_name"])
        names.add(user_id, own, has_id=True)
    for kind, holder_id, value in pending:
        if names.link(value) is not None:
            yield f"{kind} {value!r} of {holder_id} waits, though {names.link(value)} is there"
