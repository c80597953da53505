"""Directories as an identity provider keeps them, and the requests by which it tells of them, in any order it may."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from rollbook_contracts.folding import fold, fold_name, fold_reference
from rollbook_contracts.urns import ENTERPRISE, ILMS
from support.facts import Script


@dataclass(frozen=True)
class Request:
    """One request on one resource; ``after`` are the places of those that must be answered before it is sent."""

    resource: str
    verb: str
    values: tuple[str, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    after: frozenset[int] = frozenset()

    def send(self, script: Script) -> None:
        """Append what the gateway makes of it."""
        match self.verb:
            case "add twice":
                script.members_added(self.resource, *self.values)
                script.members_added(self.resource, *self.values)
            case "stage":
                name = f"req_{script.head}"
                script.staged(self.resource, name, *([value] for value in self.values))
                script.staging_committed(self.resource, name)
            case verb:
                getattr(script, verb)(self.resource, *self.values, **self.attributes)


@dataclass
class Directory:
    """The requests, in one order in which they may be sent, and what is known of the people they are about."""

    requests: list[Request] = field(default_factory=list)
    created: dict[str, int] = field(default_factory=dict)
    of_person: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    bearers: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Value, folded as references are → the people who ever have it, by any of what people are found by."""
    named: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Person → the requests that send a member by another value than the id which may name the person."""
    sent: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Group → all values that were ever sent of its members."""

    def person(self, user: str, states: Sequence[dict[str, Any]]) -> None:
        """Have a person created and changed."""
        for state in states:
            for value in values_of(user, state):
                self.bearers[fold_reference(value)].add(user)

    def request(self, request: Request) -> int:
        """Add a request."""
        self.requests.append(request)
        return len(self.requests) - 1

    def answers_behind(self, values: Iterable[str]) -> set[int]:
        """Return the answers that must have come before these values can be sent: an id is known from one."""
        return {self.created[value] for value in values if value in self.created}

    def may_be_removed(self, group: str, value: str) -> bool:
        """Whether a removal means the same whenever it comes.

        It strikes whatever names the same person. So either nothing else that was sent to the group may ever name one
        of those whom the value may name, or it is the id of somebody whom all of that names for certain.
        """
        whom = self.bearers[fold_reference(value)]
        for other in self.sent[group] - {value}:
            others = self.bearers[fold_reference(other)]
            if whom & others and not (
                value in self.created and other in (f"x-{value}", fold(value)) and others == {value}
            ):
                return False
        return True


def values_of(user: str, document: dict[str, Any]) -> Iterator[str]:
    """Yield what a person is found by."""
    yield user
    yield document["userName"]
    yield document["displayName"]
    yield document["externalId"]
    yield document[ENTERPRISE]["employeeNumber"]
    yield from (email["value"] for email in document["emails"])


NAMES = ("Ann", "ann", "Bob", "p-1", "p-1 ", "x-usr_2", "7")
NUMBERS = ("7", "8", "Ann", "ANN")
VERBS = (
    "members_added",
    "members_added",
    "add twice",
    "members_removed",
    "members_removed",
    "members_replaced",
    "stage",
    "rename",
)
MANAGERS = st.fixed_dictionaries(
    {}, optional={"value": st.sampled_from([*NAMES, "x-usr_0", "usr_0", "usr_1", "usr_2", "nobody", "ann@example.com"])}
)


@st.composite
def states(draw: st.DrawFn, user: str) -> list[dict[str, Any]]:
    """Draw what a person is one after the other; userName and externalId are the person's own, all else is shared."""
    found = []
    for turn in range(draw(st.integers(1, 3))):
        manager = draw(MANAGERS)
        other = draw(MANAGERS).get("value")
        found.append(
            {
                "userName": f"p-{user[-1]}"
                if turn == 0 or draw(st.booleans())
                else f"q-{user[-1]}" + draw(st.sampled_from(["", " "])),
                "displayName": draw(st.sampled_from(NAMES)),
                "externalId": f"x-{user}",
                "active": draw(st.booleans()) or turn == 0,
                "emails": [
                    {"value": draw(st.sampled_from(["ann@example.com", f"{user}@example.com"])), "type": "work"}
                ],
                ENTERPRISE: {"employeeNumber": draw(st.sampled_from(NUMBERS)), "manager": manager},
                ILMS: {"manager": {"displayName": other} if other else {}},
            }
        )
    return found


@st.composite
def directories(draw: st.DrawFn) -> Directory:
    """Draw a directory of a few people and groups and all that is told of them."""
    directory = Directory()
    people = [f"usr_{number}" for number in range(draw(st.integers(1, 4)))]
    drawn = {user: draw(states(user)) for user in people}
    for user in people:
        directory.person(user, drawn[user])
        directory.created[user] = directory.request(Request(user, "created", attributes=_without_ids(drawn[user][0])))
        directory.of_person[user].append(directory.created[user])
    for user in people:
        for state in drawn[user]:
            manager = {state[ENTERPRISE]["manager"].get("value", ""), state[ILMS]["manager"].get("displayName", "")}
            behind = directory.answers_behind(manager)
            if manager & {"usr_0", "usr_1", "usr_2"} <= directory.created.keys():
                directory.of_person[user].append(
                    directory.request(Request(user, "updated", (), state, frozenset(behind)))
                )
    for number in range(draw(st.integers(1, 2))):
        _tell_of_group(draw, directory, f"grp_{number}", people)
    for user in people:
        if draw(st.integers(0, 3)) == 0:
            _tell_of_deletion(directory, user)
    return directory


def _tell_of_group(draw: st.DrawFn, directory: Directory, group: str, people: Sequence[str]) -> None:
    values = st.lists(
        st.sampled_from(
            [
                *people,
                *(f"x-{user}" for user in people),
                "X-USR_0",
                "p-0",
                "P-1",
                "q-0",
                " q-0",
                *NAMES,
                "ann@example.com",
                "nobody",
            ]
        ),
        min_size=1,
        max_size=3,
    )
    directory.request(Request(group, "group_created"))
    for turn in range(draw(st.integers(1, 5))):
        verb = draw(st.sampled_from(VERBS))
        chosen = draw(values)
        if verb == "rename":
            directory.request(Request(group, "group_updated", (), {"displayName": f"{group} {turn}"}))
            continue
        if verb == "members_removed":
            chosen = [value for value in chosen if directory.may_be_removed(group, value)]
        else:
            directory.sent[group] |= set(chosen)
        place = directory.request(
            Request(group, verb, tuple(chosen), after=frozenset(directory.answers_behind(chosen)))
        )
        for value in chosen:
            for user in directory.bearers[fold_reference(value)]:
                if value != user:
                    directory.named[user].append(place)
    if draw(st.integers(0, 5)) == 0:
        directory.request(Request(group, "group_deleted"))


def _tell_of_deletion(directory: Directory, user: str) -> None:
    """A person goes when all is told that may name the person, and that others have the same names."""
    alike = {other for bearers in directory.bearers.values() if user in bearers for other in bearers}
    behind = {place for other in alike for place in directory.of_person[other]} | set(directory.named[user])
    directory.request(Request(user, "deleted", after=frozenset(behind)))


def _without_ids(document: dict[str, Any]) -> dict[str, Any]:
    """Return a person as created before any id is known."""
    return {**document, ENTERPRISE: {**document[ENTERPRISE], "manager": {}}, ILMS: {}}


def in_order(directory: Directory, priorities: Sequence[int]) -> list[Request]:
    """Return the requests as they may be sent: each when those before it are, of several the most urgent one."""
    waiting = dict(enumerate(directory.requests))
    sent: list[Request] = []
    while waiting:
        ready = [
            place
            for place, request in waiting.items()
            if not request.after & waiting.keys()
            and not any(other < place and waiting[other].resource == request.resource for other in waiting)
        ]
        chosen = min(ready, key=lambda place: (priorities[place % len(priorities)] if priorities else 0, place))
        sent.append(waiting.pop(chosen))
    return sent


def script_of(requests: Iterable[Request]) -> Script:
    """Return the log that the requests make."""
    script = Script()
    script.epoch()
    for request in requests:
        request.send(script)
    return script


def link(value: str, people: Sequence[dict[str, Any]], gone: set[str]) -> str | None:
    """Return whom a value names, in the plainest words: rows of ``lms.users``, ids of the deleted."""
    if value in gone:
        return None
    kinds: list[Callable[[dict[str, Any]], bool]] = [
        lambda person: person["id"] == value,
        lambda person: person["external_id"] == value,
        lambda person: fold_name(person["user_name"]) == fold_name(value),
        lambda person: fold(person["email"]) == fold(value),
        lambda person: person["employee_id"] == value,
        lambda person: fold(person["display_name"]) == fold(value),
    ]
    for has in kinds:
        holders = [str(person["id"]) for person in people if has(person)]
        if holders:
            return holders[0] if len(holders) == 1 else None
    return None
