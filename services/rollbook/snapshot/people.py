"""The comparison's first part: who of the snapshot is who in the tables, what differs, and what everybody is called."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from rollbook.snapshot.lines import Place, Problem, UserLine
from rollbook.snapshot.names import Names, NameSet, manager_values, names_of
from rollbook.snapshot.present import Person, Present
from rollbook.snapshot.requests import user_patch
from rollbook.snapshot.steps import ChangeUser, CreateUser, DeactivateUser, UserStep
from rollbook_contracts.folding import fold, fold_name
from rollbook_contracts.settings import TenantSettings, UniqueIdentifier
from rollbook_contracts.urns import ENTERPRISE
from rollbook_gateway.decide.rules import with_rules
from rollbook_gateway.scim.compiled import Target, user_schema
from rollbook_gateway.scim.difference import changed_attributes
from rollbook_gateway.scim.errors import ScimError
from rollbook_gateway.scim.patch.apply import apply_patch


@dataclass(slots=True)
class People:
    """The outcome: steps, and the people as they will be after them, by key."""

    steps: list[UserStep] = field(default_factory=list)
    names: Names = field(default_factory=Names)
    managers: dict[str, list[str]] = field(default_factory=dict)
    """The values that name somebody's manager, of the people of the snapshot."""
    stated: dict[str, Place] = field(default_factory=dict)
    """Where a person's own line holds the manager."""
    missing: list[Person] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def compare_people(lines: Sequence[UserLine], present: Present, *, deactivate_missing: bool) -> People:
    """Compare the people of a snapshot with those in the tables."""
    outcome = People()
    lines = _each_once(lines, outcome.problems)
    pairs = list(match(lines, list(present.people.values()), outcome.problems))
    found = {person.id for _, person in pairs if person is not None}
    holders = _Holders(present.settings.unique_identifier)
    for other in present.people.values():
        if other.id not in found:
            outcome.names.add(other.id, other.names, has_id=True)
            holders.take_present(other)
            outcome.missing.append(other)
    for line, person in pairs:
        try:
            _compare(line, person, present.settings, outcome, holders)
        except ScimError as error:
            outcome.problems.append(Problem(line.place, error.detail))
    if deactivate_missing:
        gone = [person for person in outcome.missing if person.active]
        outcome.steps += [DeactivateUser(person.id, person.names.user_name) for person in gone]
        outcome.missing = [person for person in outcome.missing if not person.active]
    return outcome


def match(
    lines: Sequence[UserLine], people: Sequence[Person], problems: list[Problem]
) -> Iterator[tuple[UserLine, Person | None]]:
    """Say who of the tables each line is: whoever has the externalId, else whoever has the userName, else nobody."""
    by_external_id = defaultdict[str, list[Person]](list)
    for person in people:
        if person.names.external_id:
            by_external_id[person.names.external_id].append(person)
    by_user_name = {fold_name(person.names.user_name): person for person in people}
    found: dict[Place, Person] = {}
    unclear: set[Place] = set()
    for line in lines:
        candidates = by_external_id.get(line.external_id or "", [])
        named = [person for person in candidates if fold_name(person.names.user_name) == fold_name(line.user_name)]
        if len(candidates) > 1 and not named:
            who = ", ".join(person.id for person in candidates)
            problems.append(
                Problem(line.place, f"{len(candidates)} people have externalId {line.external_id!r}: {who}")
            )
            unclear.add(line.place)
        elif candidates:
            found[line.place] = (named or candidates)[0]
    taken = {person.id for person in found.values()}
    for line in lines:
        if line.place not in unclear:
            other = by_user_name.get(fold_name(line.user_name))
            yield line, found.get(line.place) or (other if other is not None and other.id not in taken else None)


def user_key(line: UserLine) -> str:
    """Return the key of a person who is new."""
    return str(line.place)


def _each_once(lines: Sequence[UserLine], problems: list[Problem]) -> list[UserLine]:
    """Keep the first line of each person."""
    seen: dict[tuple[str, str], Place] = {}
    kept = []
    for line in lines:
        names = [("userName", fold_name(line.user_name))]
        names += [("externalId", line.external_id)] if line.external_id else []
        twice = [(name, seen[name, value]) for name, value in names if (name, value) in seen]
        if twice:
            name, first = twice[0]
            value = line.user_name if name == "userName" else line.external_id
            problems.append(Problem(line.place, f"{name} {value!r} stands on {first} already"))
            continue
        seen |= dict.fromkeys(names, line.place)
        kept.append(line)
    return kept


def _compare(
    line: UserLine, person: Person | None, settings: TenantSettings, outcome: People, holders: "_Holders"
) -> None:
    document = msgspec.json.decode(line.document)
    if person is None:
        after = with_rules(document, None, settings)
        key = user_key(line)
        outcome.steps.append(CreateUser(line.place, key, line.user_name, line.external_id, line.document))
    else:
        key = person.id
        old = person.document
        after = with_rules(_patched(old, line), old, settings)
        if changed := changed_attributes(old, after):
            outcome.steps.append(_change(line, key, document, tuple(changed)))
    names = names_of(after)
    outcome.names.add(key, names, has_id=person is not None)
    outcome.managers[key] = manager_values(after)
    if document.get(ENTERPRISE, {}).get("manager"):
        outcome.stated[key] = line.place
    outcome.problems += holders.take(names, line.place)


def _patched(old: dict[str, Any], line: UserLine) -> dict[str, Any]:
    message = user_patch(line.document, line.cleared, lists_in_part=line.lists_in_part)
    return apply_patch(old, message, user_schema(), max_operations=len(message["Operations"])).document


def _change(line: UserLine, key: str, document: dict[str, Any], changed: tuple[str, ...]) -> ChangeUser:
    """Return the step that writes only what differs, so that it undoes nothing that others write meanwhile."""
    written: dict[str, Any] = {}
    for name in changed:
        urn, _, inner = name.rpartition(":")
        holder = document.get(urn, {}) if urn else document
        if inner in holder:
            (written.setdefault(urn, {}) if urn else written)[inner] = holder[inner]
    cleared = tuple(path for path in line.cleared if _attribute_of(path) in changed)
    sent = msgspec.json.encode(written)
    return ChangeUser(line.place, key, line.user_name, sent, cleared, changed, line.lists_in_part)


def _attribute_of(path: str) -> str:
    target = user_schema().resolve(path)
    return target.attribute.path if isinstance(target, Target) else path


class _Holders:
    """Who will hold each value that only one person can have."""

    def __init__(self, identifier: UniqueIdentifier) -> None:
        self._identifier = identifier
        self._holders: dict[tuple[str, str], str] = {}

    def take_present(self, person: Person) -> None:
        """Count somebody in whom the snapshot does not hold."""
        self._holders |= dict.fromkeys(self._unique(person.names), f"{person.id}, who is not in these files")

    def take(self, names: NameSet, place: Place) -> Iterator[Problem]:
        """Count a person in; tell of every value that somebody else will hold."""
        for name, value in self._unique(names):
            holder = self._holders.setdefault((name, value), str(place))
            if holder != str(place):
                yield Problem(place, f"{name} {value!r} belongs to {holder}")

    def _unique(self, names: NameSet) -> list[tuple[str, str]]:
        unique = [("userName", fold_name(names.user_name))]
        if self._identifier == "email" and names.email:
            unique.append(("e-mail address", fold(names.email)))
        if self._identifier == "employee-id" and names.employee_number:
            unique.append(("employeeNumber", names.employee_number))
        return unique
