"""Microsoft Entra ID, played by the book: one initial and two incremental cycles; `rollbook demo entra` plays it."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, Final, Literal, NamedTuple, TypeAlias
from urllib.parse import quote_plus

from rollbook.demo import entra_mapping, result, teams, turnover
from rollbook.demo.directory import Organization, Person, people
from rollbook.demo.entra_groups import EntraGroups, chunks
from rollbook.demo.entra_mapping import EMPLOYEE_NUMBER, WORK_EMAIL
from rollbook.demo.entra_patch import Dialect, differences, manager_body, patch_body
from rollbook.demo.errands import Errand, Runner
from rollbook.demo.result import DemoResult, GroupShown, Progress
from rollbook.demo.teams import Team, Teams
from rollbook.demo.turnover import Staff
from rollbook.wire import Wire

Matching: TypeAlias = Literal["userName", "email", "employeeNumber"]

ORGANIZATION: Final = Organization("acme.example", seed=20_26, employee_prefix="1")
MATCHING: Final[dict[Matching, str]] = {"userName": "userName", "email": WORK_EMAIL, "employeeNumber": EMPLOYEE_NUMBER}
CALLERS: Final = 16
"""How many people Entra provisions at once; no limit is documented for applications outside its gallery."""


class Moment(NamedTuple):
    """The directory at one moment."""

    staff: Staff
    teams: Teams


async def play_entra(  # noqa: PLR0913  # what a play is told, by name
    tenant_url: str,
    token: str,
    *,
    people: int,
    progress: Progress,
    groups: int | None = None,
    shuffled: Random | None = None,
    matching: Matching = "userName",
    new_guid: Callable[[], str] = lambda: str(uuid.uuid4()),
) -> DemoResult:
    """Provision so many people and groups, and what happens to them in two intervals; the same again finds them all.

    ``shuffled`` is a chance to play the requests of each cycle by, in any order that cause allows: who is not created
    yet is then referred to by another value than the id. Raises ``CommandError`` for an answer that Entra would put
    down as an error.
    """
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/scim+json"}
    moments = directory(people, teams.sensible_number(people) if groups is None else groups)
    async with Wire(tenant_url, headers, "application/scim+json") as wire:
        play = _Play(wire, matching, new_guid, moments)
        await play.run(moments, Runner(CALLERS, progress, play.errands(moments), shuffled))
    return play.outcome()


def directory(people_count: int, group_count: int) -> tuple[Moment, Moment, Moment]:
    """Return the directory before the initial cycle, and before each of the incremental ones."""
    initial = people(ORGANIZATION, people_count)
    first = turnover.first_changes(ORGANIZATION, initial, rename_sign_in=True)
    second = turnover.second_changes(first)
    classes = teams.teams(ORGANIZATION, initial, group_count)
    later = teams.first_changes(classes, initial, first.keys() - initial.keys())
    last = teams.second_changes(later, second, rename_back=False)
    return Moment(initial, classes), Moment(first, later), Moment(second, last)


@dataclass(slots=True)
class _Linked:
    """A person that Entra knows in the target system; ``manager`` is the value that stands for the manager there."""

    id: str
    person: Person
    manager: str | None
    history: list[str] = field(default_factory=list)


class _Play:
    """The job's memory: whom it knows in the target system, and what it did."""

    def __init__(self, wire: Wire, matching: Matching, new_guid: Callable[[], str], moments: Sequence[Moment]) -> None:
        self._wire = wire
        # The object id as the second matching attribute finds a person whose sign-in name changed.
        self._matching = (MATCHING[matching], "externalId")
        self._new_guid = new_guid
        self._moments = moments
        self._linked: dict[int, _Linked] = {}
        self._gone: list[_Linked] = []
        self._groups = EntraGroups(wire, self._named)

    def errands(self, moments: Sequence[Moment]) -> int:
        """Count what there will be to do."""
        return sum(len(phase) for cycle in self._cycles(moments) for phase in cycle)

    async def run(self, moments: Sequence[Moment], runner: Runner) -> None:
        """Test the connection, then play the initial cycle and the incremental ones."""
        await self._wire.send("test connection", "GET", f"Users?filter={_equals(self._matching[0], self._new_guid())}")
        for cycle in self._cycles(moments):
            await runner.run(cycle)

    def outcome(self) -> DemoResult:
        """Return what was done and what must be true now."""
        known = self._linked
        return DemoResult(
            provider="entra",
            rows={
                each.id: result.row_of(each.id, each.person, external_id=each.person.object_id)
                for each in known.values()
            },
            gone=frozenset(each.id for each in self._gone),
            requests=dict(self._wire.sent),
            histories={each.id: tuple(each.history) for each in (*known.values(), *self._gone)},
            groups={
                group.id: GroupShown(group.team.name, frozenset(known[member].id for member in group.team.members))
                for group in self._groups.linked.values()
            },
            managers={
                each.id: known[each.person.manager].id for each in known.values() if each.person.manager is not None
            },
        )

    def _cycles(self, moments: Sequence[Moment]) -> list[list[list[Errand]]]:
        before = Moment({}, {})
        cycles = []
        for after in moments:
            cycles.append(self._cycle(before, after))
            before = after
        return cycles

    def _cycle(self, before: Moment, after: Moment) -> list[list[Errand]]:
        """Return the phases of a cycle: people, groups without members, members, managers, and who is purged."""
        changed = [person for number, person in after.staff.items() if person != before.staff.get(number)]
        classes = [team for number, team in after.teams.items() if team != before.teams.get(number)]
        gone = [person for number, person in before.staff.items() if number not in after.staff]
        return [
            [Errand(("user", person.number), partial(self._write, person)) for person in changed],
            [Errand(("group", team.number), partial(self._groups.write_head, team)) for team in classes],
            [errand for team in classes for errand in self._members(before.teams.get(team.number), team, gone)],
            [Errand(("user", person.number), partial(self._write_manager, person)) for person in changed],
            [Errand(("user", person.number), partial(self._delete, person)) for person in gone],
        ]

    def _members(self, before: Team | None, team: Team, gone: Sequence[Person]) -> list[Errand]:
        """Return what brings a group's members up to date; a purge from the directory is no change of a group."""
        old = (before.members if before is not None else frozenset()) - {person.number for person in gone}
        resource = ("group", team.number)
        added = [partial(self._groups.add, team.number, chunk) for chunk in chunks(team.members - old)]
        removed = [partial(self._groups.remove, team.number, chunk) for chunk in chunks(old - team.members)]
        return [Errand(resource, run) for run in (*added, *removed)]

    def _named(self, number: int) -> str:
        """Return the person's id; before there is one, a value that stays the person's through the whole play."""
        known = self._linked.get(number)
        if known is not None:
            return known.id
        states = [moment.staff[number] for moment in self._moments if number in moment.staff]
        choices = [{state.object_id for state in states}, {state.user_name for state in states}]
        choices.append({state.email for state in states})
        lasting = [values.pop() for values in choices if len(values) == 1]
        return lasting[number % len(lasting)]

    async def _write(self, person: Person) -> None:
        """Bring a known person up to date from what the target system has now; match or create a new one."""
        known = self._linked.get(person.number)
        if known is None:
            await self._match_or_create(person)
            return
        present = await self._wire.send("read", "GET", f"Users/{known.id}")
        await self._update(known, person, present.body)

    async def _match_or_create(self, person: Person) -> None:
        wanted = entra_mapping.attributes(person)
        found = await self._match(wanted)
        if found is None:
            body = entra_mapping.create_body(wanted)
            answer = await self._wire.send("create", "POST", "Users", body, expect=(201,), when_repeated=(409,))
            found = answer.body if answer.status == 201 else await self._match(wanted)
            assert found is not None, f"{person.user_name} was created, and no matching attribute finds the person"
            self._linked[person.number] = _Linked(found["id"], person, None, [result.CREATED])
        else:
            known = self._linked[person.number] = _Linked(found["id"], person, entra_mapping.manager_of(found))
            await self._update(known, person, found)

    async def _match(self, wanted: entra_mapping.Attributes) -> dict[str, Any] | None:
        """Ask by the matching attributes in their order; the first hit counts."""
        for attribute in self._matching:
            answer = await self._wire.send("match", "GET", f"Users?filter={_equals(attribute, str(wanted[attribute]))}")
            if answer.body.get("Resources"):
                found: dict[str, Any] = answer.body["Resources"][0]
                return found
        return None

    async def _update(self, known: _Linked, person: Person, resource: dict[str, Any]) -> None:
        known.person = person
        wanted = entra_mapping.attributes(person)
        present = entra_mapping.read(resource, wanted)
        changes = differences(wanted, present)
        if changes:
            body = patch_body(changes, present, _dialect(person))
            await self._wire.send("change", "PATCH", f"Users/{known.id}", body, expect=(200, 204))
            was_active = present.get("active") is not False
            known.history.append(result.change_type(was_active=was_active, is_active=person.active))

    async def _write_manager(self, person: Person) -> None:
        known = self._linked[person.number]
        manager = self._named(person.manager) if person.manager is not None else None
        if manager is not None and manager != known.manager:
            body = manager_body(manager, present=known.manager, dialect=_dialect(person))
            await self._wire.send("set manager", "PATCH", f"Users/{known.id}", body, expect=(200, 204))
            known.manager = manager
            known.history.append(result.UPDATED)

    async def _delete(self, person: Person) -> None:
        """Delete whom the directory purged, 30 days after the person was deactivated."""
        known = self._linked.pop(person.number)
        await self._wire.send("delete", "DELETE", f"Users/{known.id}", expect=(204,), when_repeated=(404,))
        known.history.append(result.DELETED)
        self._gone.append(known)


def _dialect(person: Person) -> Dialect:
    """Say which form is sent: both arrive in one tenant, since the flag does not work with provision on demand."""
    return "flag" if person.number % 2 else "default"


def _equals(attribute: str, value: str) -> str:
    """Write a filter as recorded: blanks as plus signs, quotes and brackets raw, the value encoded."""
    return f'{attribute.replace(" ", "+")}+eq+"{quote_plus(value)}"'
