"""Okta, played by the book, as a wizard-made application writes: always PUT; `rollbook demo okta` plays it."""

import string
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, Final
from urllib.parse import quote

from rollbook.demo import result, teams, turnover
from rollbook.demo.directory import Organization, Person, people
from rollbook.demo.errands import Errand, Runner
from rollbook.demo.okta_groups import OktaGroups
from rollbook.demo.result import DemoResult, GroupShown, Progress
from rollbook.demo.teams import Teams
from rollbook.demo.turnover import Staff
from rollbook.wire import Wire
from rollbook_contracts.urns import ENTERPRISE, ILMS, USER

ORGANIZATION: Final = Organization("okta.acme.example", seed=87, employee_prefix="7")
CALLERS: Final = 5
HEADERS: Final = {
    "User-Agent": "Okta SCIM Client 1.0.0",
    "Accept": "application/scim+json",
    "Accept-Charset": "utf-8",
    "Accept-Encoding": "gzip,deflate",
}


async def play_okta(
    tenant_url: str, token: str, *, people: int, progress: Progress, groups: int | None = None
) -> DemoResult:
    """Assign so many people and push so many groups, then what happens to them in two intervals; again finds them all.

    Raises ``CommandError`` for an answer that Okta would show as a failed task.
    """
    headers = {"Authorization": f"Bearer {token}", **HEADERS}
    async with Wire(tenant_url, headers, "application/scim+json; charset=utf-8") as wire:
        play = _Play(wire)
        await play.run(directory(people, teams.sensible_number(people) if groups is None else groups), progress)
    return play.outcome()


def directory(count: int, group_count: int) -> list[tuple[Staff, Teams]]:
    """Return the directory at first, and after each of two intervals."""
    initial = people(ORGANIZATION, count)
    # The wizard's application matches by userName alone: a new one would make a second person of the same play again.
    first = turnover.first_changes(ORGANIZATION, initial, rename_sign_in=False)
    # Deleting somebody in Okta sends nothing: who is purged from the directory stays deactivated.
    second = first | turnover.second_changes(first)
    classes = teams.teams(ORGANIZATION, initial, group_count)
    later = teams.first_changes(classes, initial, first.keys() - initial.keys())
    # Groups are matched by name: one that stayed renamed would be made anew when the play is played again.
    return [(initial, classes), (first, later), (second, teams.second_changes(later, second, rename_back=True))]


def profile(person: Person, staff: Staff) -> dict[str, Any]:
    """Return the application profile of a person as SCIM; the guide maps both manager attributes from one text."""
    manager = manager_text(staff[person.manager]) if person.manager is not None else None
    ilms: dict[str, Any] = {
        "region": person.region,
        "hireDate": person.hire_date.isoformat(),
        "customField1": person.cost_center,
        "customField2": person.locality,
    }
    if manager is not None:
        ilms["manager"] = {"displayName": manager, "email": manager}
    return {
        "userName": person.user_name,
        "name": {"givenName": person.given_name, "familyName": person.family_name},
        "emails": [{"primary": True, "value": person.email, "type": "work"}],
        "displayName": person.display_name,
        "title": person.title,
        "locale": "en-US",
        "phoneNumbers": [{"primary": True, "value": person.phone, "type": "work"}],
        "externalId": okta_id(person),
        "active": person.active,
        ENTERPRISE: {
            "employeeNumber": person.employee_number,
            "division": person.division,
            "department": person.department,
        },
        ILMS: ilms,
    }


def manager_text(manager: Person) -> str:
    """Return what Okta's one text about a manager holds: mostly an address, at times a name that others share."""
    return manager.display_name if manager.number % 4 == 0 else manager.email


def create_body(person: Person, staff: Staff) -> dict[str, Any]:
    """Return the body of POST: no groups, and a random password always; ``schemas`` does not list the custom URN."""
    random = Random(person.object_id)  # noqa: S311  # made-up people, no secrets
    password = "".join(random.choices(string.ascii_letters + string.digits, k=8))
    return {"schemas": [USER, ENTERPRISE], **profile(person, staff), "groups": [], "password": password}


def merged(present: Any, over: Any) -> Any:
    """Return what GET answered with the profile merged in: what a server hides is missing, what it shows comes back."""
    if isinstance(present, dict) and isinstance(over, dict):
        return {**present, **{key: merged(present.get(key), value) for key, value in over.items()}}
    return over


def okta_id(person: Person) -> str:
    """Return the person's id in Okta: 20 characters that begin with 00u."""
    random = Random(f"okta:{person.object_id}")  # noqa: S311  # made-up people, no secrets
    return "00u" + "".join(random.choices(string.ascii_letters + string.digits, k=17))


@dataclass(slots=True)
class _Assigned:
    """A person whom the application is assigned to; ``id`` is the person's id in the target system."""

    id: str
    person: Person
    history: list[str] = field(default_factory=list)


class _Play:
    """The application's memory: whom it knows in the target system, and what it did."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._assigned: dict[int, _Assigned] = {}
        self._groups = OktaGroups(wire, lambda number: self._assigned[number].id)

    async def run(self, intervals: list[tuple[Staff, Teams]], progress: Progress) -> None:
        """Test the connector, assign everybody and push all groups, then the changes of two intervals."""
        await self._wire.send("test connector", "GET", "Users?startIndex=1&count=2")
        phases: list[list[Errand]] = []
        before: tuple[Staff, Teams] = ({}, {})
        for staff, classes in intervals:
            phases += [self._people(before[0], staff), self._pushes(before[1], classes, staff)]
            before = (staff, classes)
        await Runner(CALLERS, progress, sum(map(len, phases))).run(phases)

    def _people(self, before: Staff, staff: Staff) -> list[Errand]:
        return [
            Errand(("user", number), partial(self._push, person, staff))
            for number, person in staff.items()
            if person != before.get(number)
        ]

    def _pushes(self, before: Teams, classes: Teams, staff: Staff) -> list[Errand]:
        return [
            Errand(("group", number), partial(self._groups.push, team, staff))
            for number, team in classes.items()
            if team != before.get(number)
        ]

    def outcome(self) -> DemoResult:
        """Return what was done and what must be true now."""
        ids = {number: known.id for number, known in self._assigned.items()}
        return DemoResult(
            provider="okta",
            rows={
                known.id: result.row_of(known.id, known.person, external_id=okta_id(known.person))
                for known in self._assigned.values()
            },
            gone=frozenset(),
            requests=dict(self._wire.sent),
            histories={known.id: tuple(known.history) for known in self._assigned.values()},
            groups={
                group.id: GroupShown(group.team.name, frozenset(ids[member] for member in group.team.members))
                for group in self._groups.pushed.values()
            },
        )

    async def _assign(self, person: Person, staff: Staff) -> None:
        """Find the person by userName and link, or create."""
        found = await self._match(person)
        if found is None:
            body = create_body(person, staff)
            answer = await self._wire.send("create", "POST", "Users", body, expect=(201,), when_repeated=(409,))
            user_id = answer.body["id"] if answer.status == 201 else await self._match(person)
            assert user_id is not None, f"{person.user_name} was created, and no filter finds the person"
            self._assigned[person.number] = _Assigned(user_id, person, [result.CREATED])
        else:
            self._assigned[person.number] = _Assigned(found, person)
            await self._replace(person, staff)

    async def _match(self, person: Person) -> str | None:
        query = quote(f'userName eq "{person.user_name}"', safe="")
        answer = await self._wire.send("match", "GET", f"Users?filter={query}&startIndex=1&count=100")
        found = answer.body.get("Resources")
        return str(found[0]["id"]) if found else None

    async def _push(self, person: Person, staff: Staff) -> None:
        """Push a profile update, a deactivation or a reactivation: all are the same PUT; assign who is new."""
        await (self._replace if person.number in self._assigned else self._assign)(person, staff)

    async def _replace(self, person: Person, staff: Staff) -> None:
        known = self._assigned[person.number]
        present = (await self._wire.send("read", "GET", f"Users/{known.id}")).body
        body = merged(present, profile(person, staff))
        await self._wire.send("replace", "PUT", f"Users/{known.id}", body)
        known.person = person
        if body != present:
            was_active = present.get("active") is not False
            known.history.append(result.change_type(was_active=was_active, is_active=person.active))
