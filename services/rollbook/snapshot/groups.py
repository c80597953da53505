"""The comparison's second part: groups, and who is a member of them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from rollbook.snapshot.lines import GroupLine, MembershipLine, Place, Problem
from rollbook.snapshot.names import Names
from rollbook.snapshot.present import Group
from rollbook.snapshot.steps import (
    AddMembers,
    ChangeGroup,
    CreateGroup,
    GroupStep,
    Known,
    MembersStep,
    Named,
    RemoveMembers,
)
from rollbook_contracts.folding import fold

MOST_MEMBERS: Final = 1_000
"""Members in one request: as many as a fact holds."""
_SEVERAL: Final = ""


@dataclass(slots=True)
class Groups:
    """The outcome for the heads: steps, and the groups as they will be after them, by key."""

    steps: list[GroupStep] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """Every group's displayName."""
    in_files: set[str] = field(default_factory=set)
    missing: int = 0
    problems: list[Problem] = field(default_factory=list)
    _external_ids: dict[str, str] = field(default_factory=dict)
    _display_names: dict[str, str] = field(default_factory=dict)

    def find(self, value: str) -> str | None:
        """Return the key of the group whose externalId or displayName a value is, in this order."""
        return self._external_ids.get(value) or self._display_names.get(fold(value)) or None

    def take(self, key: str, display_name: str, external_id: str | None) -> str | None:
        """Take a group in; return the key of another one that will have its displayName."""
        self.names[key] = display_name
        if external_id:
            self._external_ids[external_id] = key if external_id not in self._external_ids else _SEVERAL
        holder = self._display_names.setdefault(fold(display_name), key)
        return holder if holder != key else None


@dataclass(slots=True)
class Members:
    """The outcome for the members; ``left`` are in the tables only, ``waiting`` name nobody."""

    steps: list[MembersStep] = field(default_factory=list)
    left: int = 0
    waiting: int = 0
    problems: list[Problem] = field(default_factory=list)


def compare_groups(lines: Sequence[GroupLine], present: Mapping[str, Group]) -> Groups:
    """Compare the heads of a snapshot's groups with those in the tables."""
    outcome = Groups()
    pairs = list(match(lines, list(present.values()), outcome.problems))
    found = {group.id for _, group in pairs if group is not None}
    for other in present.values():
        if other.id not in found:
            outcome.take(other.id, other.display_name, other.external_id)
            outcome.missing += 1
    places: dict[str, Place] = {}
    for line, group in pairs:
        key = group.id if group is not None else str(line.place)
        if key in places:
            outcome.problems.append(Problem(line.place, f"group {line.name!r} stands on {places[key]} already"))
            continue
        places[key] = line.place
        _compare(line, group, outcome, places)
    return outcome


def match(
    lines: Sequence[GroupLine], groups: Sequence[Group], problems: list[Problem]
) -> Iterator[tuple[GroupLine, Group | None]]:
    """Say which group of the tables each line is: that with the externalId, else that with the displayName, or none."""
    by_external_id = defaultdict[str, list[Group]](list)
    for group in groups:
        if group.external_id:
            by_external_id[group.external_id].append(group)
    by_name = {fold(group.display_name): group for group in groups}
    found: dict[Place, Group] = {}
    for line in lines:
        candidates = by_external_id.get(line.external_id or "", [])
        if len(candidates) == 1:
            found[line.place] = candidates[0]
    taken = {group.id for group in found.values()}
    for line in lines:
        other = by_name.get(fold(line.display_name or ""))
        matched = found.get(line.place) or (other if other is not None and other.id not in taken else None)
        if matched is None and line.display_name is None:
            problems.append(Problem(line.place, f"no group has externalId {line.external_id!r}: add a displayName"))
        else:
            yield line, matched


def _compare(line: GroupLine, group: Group | None, outcome: Groups, places: Mapping[str, Place]) -> None:
    if group is None:
        key, name, external_id = str(line.place), line.name, line.external_id
        outcome.steps.append(CreateGroup(line.place, key, name, external_id))
    else:
        key, name = group.id, line.display_name or group.display_name
        external_id = line.external_id or group.external_id
        changed = [("displayName", name)] if name != group.display_name else []
        changed += [("externalId", external_id)] if external_id and external_id != group.external_id else []
        if changed:
            outcome.steps.append(ChangeGroup(line.place, key, name, tuple(changed)))
    outcome.in_files.add(key)
    holder = outcome.take(key, name, external_id)
    if holder is not None:
        whose = places.get(holder) or f"{holder}, which is not in these files"
        outcome.problems.append(Problem(line.place, f"displayName {name!r} belongs to {whose}"))


def compare_members(
    lines: Iterable[MembershipLine],
    groups: Groups,
    present: Mapping[str, Group],
    names: Names,
    *,
    remove_missing: bool,
) -> Members:
    """Compare the members of the groups that the snapshot names, as they will be when everybody is called anew."""
    outcome = Members()
    wanted = _wanted(lines, groups, names, outcome)
    for key in groups.in_files | wanted.keys():
        group = present.get(key)
        after = set() if group is None else _after(group, names)
        here = wanted.get(key, {})
        outcome.waiting += sum(isinstance(member, str) for member in here)
        added = [member for member in here if member not in after]
        outcome.steps += [AddMembers(key, groups.names[key], part) for part in _parts(added)]
        others = sorted((member for member in after if member not in here), key=str)
        if remove_missing:
            outcome.steps += [RemoveMembers(key, groups.names[key], part) for part in _parts(others)]
        else:
            outcome.left += len(others)
    outcome.steps.sort(key=lambda step: step.key)
    return outcome


def _wanted(
    lines: Iterable[MembershipLine], groups: Groups, names: Names, outcome: Members
) -> dict[str, dict[Named, None]]:
    wanted = defaultdict[str, dict[Named, None]](dict)
    for line in lines:
        key = groups.find(line.group)
        if key is None:
            text = f"group {line.group!r} is the externalId or displayName of no group, or of two"
            outcome.problems.append(Problem(line.place, text))
        else:
            wanted[key][_named(line.member, names)] = None
    return wanted


def _after(group: Group, names: Names) -> set[Named]:
    """Return who is a member, or waits, when the people are what the snapshot says."""
    return {Known(user_id) for user_id in group.by_id} | {_named(value, names) for value in group.sent}


def _named(value: str, names: Names) -> Named:
    key = names.link(value)
    return Known(key) if key is not None else value


def _parts(members: Sequence[Named]) -> list[tuple[Named, ...]]:
    return [tuple(members[start : start + MOST_MEMBERS]) for start in range(0, len(members), MOST_MEMBERS)]
