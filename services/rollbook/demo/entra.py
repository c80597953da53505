"""Microsoft Entra ID, played by the book: one initial and two incremental cycles; `rollbook demo entra` plays it."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import quote_plus

from rollbook.demo import entra_mapping, result, turnover
from rollbook.demo.directory import Organization, Person, people
from rollbook.demo.entra_mapping import EMPLOYEE_NUMBER, WORK_EMAIL
from rollbook.demo.entra_patch import Dialect, differences, manager_body, patch_body
from rollbook.demo.result import DemoResult, Progress
from rollbook.demo.turnover import Staff
from rollbook.wire import Wire, in_parallel

Matching: TypeAlias = Literal["userName", "email", "employeeNumber"]

ORGANIZATION: Final = Organization("acme.example", seed=20_26, employee_prefix="1")
MATCHING: Final[dict[Matching, str]] = {"userName": "userName", "email": WORK_EMAIL, "employeeNumber": EMPLOYEE_NUMBER}
CALLERS: Final = 16
"""How many people Entra provisions at once; no limit is documented for applications outside its gallery."""


async def play_entra(
    tenant_url: str,
    token: str,
    *,
    people: int,
    progress: Progress,
    matching: Matching = "userName",
    new_guid: Callable[[], str] = lambda: str(uuid.uuid4()),
) -> DemoResult:
    """Provision so many people, and what happens to them in two intervals; the same again finds everybody.

    Raises ``CommandError`` for an answer that Entra would put down as an error.
    """
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/scim+json"}
    async with Wire(tenant_url, headers, "application/scim+json") as wire:
        play = _Play(wire, matching, new_guid, progress)
        await play.run(*_intervals(people))
    return play.outcome()


def _intervals(count: int) -> tuple[Staff, Staff, Staff]:
    initial = people(ORGANIZATION, count)
    first = turnover.first_changes(ORGANIZATION, initial, rename_sign_in=True)
    return initial, first, turnover.second_changes(first)


@dataclass(slots=True)
class _Linked:
    """A person that Entra knows in the target system; ``manager`` is the manager's id there."""

    id: str
    person: Person
    manager: str | None
    history: list[str] = field(default_factory=list)


class _Play:
    """The job's memory: whom it knows in the target system, and what it did."""

    def __init__(self, wire: Wire, matching: Matching, new_guid: Callable[[], str], progress: Progress) -> None:
        self._wire = wire
        # The object id as the second matching attribute finds a person whose sign-in name changed.
        self._matching = (MATCHING[matching], "externalId")
        self._new_guid = new_guid
        self._linked: dict[int, _Linked] = {}
        self._gone: list[_Linked] = []
        self._done = 0
        self._steps = 0
        self._progress = progress

    async def run(self, initial: Staff, first: Staff, second: Staff) -> None:
        """Test the connection, then play the initial cycle and two incremental ones."""
        cycles = [(before, after, _changed(before, after)) for before, after in ((initial, first), (first, second))]
        self._steps = 2 * len(initial) + sum(2 * len(numbers) for _, _, numbers in cycles)
        await self._test_connection()
        await self._cycle(initial, list(initial), self._match_or_create)
        for before, after, numbers in cycles:
            await self._cycle(after, [number for number in numbers if number in after], self._write_changes)
            removed = [before[number] for number in numbers if number not in after]
            await in_parallel(removed, self._delete, callers=CALLERS)

    def outcome(self) -> DemoResult:
        """Return what was done and what must be true now."""
        return DemoResult(
            provider="entra",
            rows={
                known.id: result.row_of(known.id, known.person, external_id=known.person.object_id)
                for known in self._linked.values()
            },
            gone=frozenset(known.id for known in self._gone),
            requests=dict(self._wire.sent),
            histories={known.id: tuple(known.history) for known in (*self._linked.values(), *self._gone)},
        )

    async def _test_connection(self) -> None:
        await self._wire.send("test connection", "GET", f"Users?filter={_equals(self._matching[0], self._new_guid())}")

    async def _cycle(self, staff: Staff, numbers: list[int], write: Callable[[Person], Awaitable[None]]) -> None:
        """Write people first and their managers in a second pass, when those have ids."""
        chosen = [staff[number] for number in numbers]
        await in_parallel(chosen, write, callers=CALLERS)
        await in_parallel(chosen, self._write_manager, callers=CALLERS)

    async def _write_changes(self, person: Person) -> None:
        """Bring a known person up to date from what the target system has now; match or create a new one."""
        known = self._linked.get(person.number)
        if known is None:
            await self._match_or_create(person)
            return
        present = await self._wire.send("read", "GET", f"Users/{known.id}")
        await self._update(known, person, present.body)
        self._step()

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
        self._step()

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
        manager = self._linked[person.manager].id if person.manager is not None else None
        if manager is not None and manager != known.manager:
            body = manager_body(manager, present=known.manager, dialect=_dialect(person))
            await self._wire.send("set manager", "PATCH", f"Users/{known.id}", body, expect=(200, 204))
            known.manager = manager
            known.history.append(result.UPDATED)
        self._step()

    async def _delete(self, person: Person) -> None:
        """Delete whom the directory purged, 30 days after the person was deactivated."""
        known = self._linked.pop(person.number)
        await self._wire.send("delete", "DELETE", f"Users/{known.id}", expect=(204,), when_repeated=(404,))
        known.history.append(result.DELETED)
        self._gone.append(known)
        self._step(2)

    def _step(self, steps: int = 1) -> None:
        self._done += steps
        self._progress(self._done, self._steps)


def _changed(before: Staff, after: Staff) -> list[int]:
    return [number for number in sorted(before | after) if before.get(number) != after.get(number)]


def _dialect(person: Person) -> Dialect:
    """Say which form is sent: both arrive in one tenant, since the flag does not work with provision on demand."""
    return "flag" if person.number % 2 else "default"


def _equals(attribute: str, value: str) -> str:
    """Write a filter as recorded: blanks as plus signs, quotes and brackets raw, the value encoded."""
    return f'{attribute.replace(" ", "+")}+eq+"{quote_plus(value)}"'
