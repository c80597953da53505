"""Records become lines: each checked as the gateway would check it, every problem kept with its place."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

from rollbook.snapshot.lines import GroupLine, ManagerLine, MembershipLine, Problem, Snapshot, UserLine
from rollbook.snapshot.records import Note, Read, Record, records
from rollbook.snapshot.spreadsheet import KINDS
from rollbook_contracts.urns import ENTERPRISE
from rollbook_gateway.dialect.absence import is_absent
from rollbook_gateway.scim.compiled import Attribute, Extension, Target, group_schema, user_schema
from rollbook_gateway.scim.document import canonicalise, check_whole, read, read_attributes
from rollbook_gateway.scim.errors import ScimError
from rollbook_gateway.scim.members import member_values, take_members
from rollbook_gateway.scim.notes import Notes
from rollbook_gateway.scim.paths import meaning

Body: TypeAlias = dict[str, Any]

_SCHEMAS: Final = "schemas"
"""Says nothing of a snapshot's line, whatever a server gave out; id, meta and groups are read-only to the schema."""


class UnfitLineError(Exception):
    """A line that cannot be applied."""


def read_snapshot(paths: Iterable[Path]) -> Snapshot:
    """Read files; raises ``CommandError`` for a file that is neither JSONL nor CSV."""
    return gathered(read for path in paths for read in records(path))


def gathered(reads: Iterable[Read]) -> Snapshot:
    """Make sense of records."""
    snapshot = Snapshot()
    for found in reads:
        if isinstance(found, Problem):
            snapshot.problems.append(found)
            continue
        if isinstance(found, Note):
            snapshot.notes.append(Problem(*found))
            continue
        try:
            _add(snapshot, found)
        except (UnfitLineError, ScimError) as error:
            snapshot.problems.append(Problem(found.place, str(error)))
    return snapshot


def _add(snapshot: Snapshot, record: Record) -> None:
    body = dict(record.body)
    kind = body.pop("type", None)
    adds: dict[Any, Callable[[Snapshot, Record, Body], None]] = {
        "user": _add_user,
        "group": _add_group,
        "membership": _add_membership,
        "manager": _add_manager,
    }
    if not isinstance(kind, str) or kind not in adds:
        raise UnfitLineError(f"type {kind!r} is none of {', '.join(KINDS)}")
    adds[kind](snapshot, record, body)


def _add_user(snapshot: Snapshot, record: Record, body: Body) -> None:
    place = record.place
    stated = {name: value for name, value in body.items() if name != _SCHEMAS}
    named = {"manager": stated.pop("manager")} if isinstance(stated.get("manager"), str) else {}
    canonical = canonicalise(stated, user_schema())
    document = canonical.document
    snapshot.users.append(
        UserLine(
            place,
            document["userName"],
            document.get("externalId"),
            msgspec.json.encode(document),
            tuple(_cleared(stated)),
            record.lists_in_part,
        )
    )
    if named:
        snapshot.managers.append(ManagerLine(place, document["userName"], _text(named, "manager")))
    snapshot.notes += [Problem(place, note) for note in canonical.notes]


def _cleared(body: Body) -> Iterator[str]:
    """Return the paths of what was sent empty: that clears it, while what is not there is left alone."""
    schema = user_schema()
    for name, value in body.items():
        found = meaning(name, schema)
        if isinstance(found, Extension) and isinstance(value, dict):
            yield from _cleared({f"{found.urn}:{inner}": item for inner, item in value.items()})
        elif isinstance(found, Target) and found.attribute.stored:
            if is_absent(value):
                yield found.path
            elif isinstance(value, dict) and not found.attribute.multi_valued:
                yield from _cleared({f"{found.path}.{inner}": item for inner, item in value.items()})


def _add_group(snapshot: Snapshot, record: Record, body: Body) -> None:
    stated = {name: value for name, value in body.items() if name != _SCHEMAS}
    notes: Notes = []
    members = member_values(take_members(stated, notes))
    head = read_attributes(stated, group_schema(), notes)
    line = GroupLine(record.place, head.document.get("displayName"), head.document.get("externalId"))
    if line.display_name is None and line.external_id is None:
        raise UnfitLineError("a group needs a displayName, an externalId or both")
    if line.display_name is not None:
        check_whole(head.document, group_schema())
    snapshot.groups.append(line)
    group = line.external_id or line.name
    snapshot.memberships += [MembershipLine(record.place, group, member) for member in members]
    snapshot.notes += [Problem(record.place, note) for note in notes]


def _add_membership(snapshot: Snapshot, record: Record, body: Body) -> None:
    _only(body, "membership", "group", "member")
    group, member = _required(body, "group", "membership"), _required(body, "member", "membership")
    snapshot.memberships += [MembershipLine(record.place, group, value) for value in member_values([member])]


def _add_manager(snapshot: Snapshot, record: Record, body: Body) -> None:
    _only(body, "manager", "user", "manager")
    if "manager" not in body:
        raise UnfitLineError('a manager line needs "manager": any value of the person, or null for nobody')
    snapshot.managers.append(ManagerLine(record.place, _required(body, "user", "manager"), _text(body, "manager")))


def _only(body: Body, kind: str, *names: str) -> None:
    unknown = [name for name in body if name not in names]
    if unknown:
        raise UnfitLineError(f"a {kind} has {' and '.join(names)}, but not {', '.join(map(repr, unknown))}")


def _required(body: Body, name: str, kind: str) -> str:
    text = _text(body, name)
    if text is None:
        raise UnfitLineError(f'a {kind} needs "{name}" with a value')
    return text


def _text(body: Body, name: str) -> str | None:
    """Return a text of a line that is about a group or a person, checked as what it stands for is."""
    text: str | None = read(_named(name), body.get(name), [])
    return text if text is not None and text.strip() else None


@cache
def _named(name: str) -> Attribute:
    schema, path = {
        "group": (group_schema(), "displayName"),
        "member": (group_schema(), "members.value"),
        "user": (user_schema(), "userName"),
        "manager": (user_schema(), f"{ENTERPRISE}:manager.value"),
    }[name]
    target = schema.resolve(path)
    assert isinstance(target, Target)
    return replace(target.leaf, path=name)
