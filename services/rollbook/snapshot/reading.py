"""Records become lines: each checked as the gateway would check it, every problem kept with its place."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

from rollbook.snapshot.lines import GroupLine, ManagerLine, MembershipLine, Problem, Snapshot, UserLine
from rollbook.snapshot.records import Note, Read, Record, records
from rollbook.snapshot.spreadsheet import KINDS
from rollbook_contracts.limits import KEY_CHARACTERS, excess_of_key
from rollbook_gateway.dialect.absence import is_absent
from rollbook_gateway.scim.compiled import Attribute, Extension, Target, group_schema, user_schema
from rollbook_gateway.scim.document import canonicalise, check_text
from rollbook_gateway.scim.errors import ScimError
from rollbook_gateway.scim.paths import meaning

Body: TypeAlias = dict[str, Any]

# What a server gives out with a resource and nobody may write.
_SERVERS_OWN: Final = frozenset({"schemas", "id", "meta", "groups"})
_GROUP: Final = frozenset({"displayname", "externalid", "members"})


class UnfitLineError(Exception):
    """A line that cannot be applied."""


def read_snapshot(paths: Iterable[Path]) -> Snapshot:
    """Read files; raises ``CommandError`` for a file that is neither JSONL nor CSV."""
    return gathered(read for path in paths for read in records(path))


def gathered(reads: Iterable[Read]) -> Snapshot:
    """Make sense of records."""
    snapshot = Snapshot()
    for read in reads:
        if isinstance(read, Problem):
            snapshot.problems.append(read)
            continue
        if isinstance(read, Note):
            snapshot.notes.append(Problem(*read))
            continue
        try:
            _add(snapshot, read)
        except (UnfitLineError, ScimError) as error:
            snapshot.problems.append(Problem(read.place, str(error)))
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
    stated = {name: value for name, value in body.items() if name not in _SERVERS_OWN}
    manager = stated.pop("manager") if isinstance(stated.get("manager"), str) else None
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
    if manager is not None:
        snapshot.managers.append(ManagerLine(place, document["userName"], manager.strip() or None))
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
    place = record.place
    given = {name.lower(): value for name, value in body.items()}
    line = GroupLine(place, _text(given, "displayName"), _text(given, "externalId"))
    if line.display_name is None and line.external_id is None:
        raise UnfitLineError("a group needs a displayName, an externalId or both")
    for attribute, text in zip(_head_attributes(), (line.display_name, line.external_id), strict=True):
        if text is not None:
            check_text(attribute, text)
    snapshot.groups.append(line)
    group = line.external_id or line.name
    for member in given.get("members") or ():
        value = member.get("value") if isinstance(member, dict) else member
        snapshot.memberships.append(MembershipLine(place, group, _required({"member": value}, "member", "member")))
    snapshot.notes += [
        Problem(place, f"unknown attribute {name!r} was ignored")
        for name in body
        if name.lower() not in _GROUP | _SERVERS_OWN
    ]


@cache
def _head_attributes() -> tuple[Attribute, ...]:
    table = group_schema().table
    targets = [table[name] for name in ("displayName", "externalId")]
    return tuple(target.attribute for target in targets if isinstance(target, Target))


def _add_membership(snapshot: Snapshot, record: Record, body: Body) -> None:
    _only(body, "membership", "group", "member")
    line = MembershipLine(record.place, _required(body, "group", "membership"), _required(body, "member", "membership"))
    snapshot.memberships.append(line)


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
    value = body.get(name, body.get(name.lower()))
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise UnfitLineError(f'"{name}" is {value!r}: write text')
    if len(value) > KEY_CHARACTERS or "\0" in value:
        raise UnfitLineError(f'"{name}" has {len(value)} characters: {KEY_CHARACTERS} at most, none of them U+0000')
    try:
        excess = excess_of_key(value)
    except UnicodeEncodeError:
        raise UnfitLineError(f'"{name}" holds half of a surrogate pair, which is no character') from None
    if excess is not None:
        raise UnfitLineError(f'"{name}" {excess}')
    return value
