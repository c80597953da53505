"""What is known so far of all that some facts may touch, and what must still be asked; pure but for its threads."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from rollbook_contracts.facts.membership import MembersAdded, MembersRemoved, MembersReplaced, StagingChunk
from rollbook_projector.projections import members, references
from rollbook_projector.projections.groups import Groups
from rollbook_projector.projections.holders import Asked, ask
from rollbook_projector.projections.stagings import Stagings, staging_key
from rollbook_projector.projections.users import Person, Users
from rollbook_projector.recorded import Recorded
from rollbook_projector.references.book import Book
from rollbook_projector.references.interest import Interest
from rollbook_projector.references.people import NOBODY, Directory, Holders, Keys
from rollbook_projector.references.roll import Roll
from rollbook_projector.references.sent import SentReferences
from rollbook_projector.session import Connection, aside
from rollbook_projector.weight import REFERENCE, TooHeavyError

_FEW: Final = 1_000
"""So many values and references are worked out at once; more are worked out while the loop goes on."""
_Result = TypeVar("_Result")


@dataclass(slots=True)
class Gathered:
    """The answers so far."""

    users: Users
    touched: frozenset[tuple[str, str]] = frozenset()
    """The people with a row of whom any of the facts is."""
    most: int | None = None
    """What the facts may weigh together; ``None`` where there is no bound."""
    values: int = 0
    """Values of members in the facts and their stagings."""
    weights: Counter[str] = field(default_factory=Counter)
    """By tenant, what is known so far."""
    groups: Groups = field(default_factory=lambda: Groups({}))
    stagings: Stagings = field(default_factory=lambda: Stagings({}))
    interests: dict[str, Interest] = field(default_factory=dict)
    sent: references.Known = field(default_factory=list)
    memberships: members.Known = field(default_factory=list)
    others: Mapping[tuple[str, str], Holders] = field(default_factory=dict)
    gone: set[tuple[str, str]] = field(default_factory=set)
    rolls: dict[tuple[str, str], Roll] = field(default_factory=dict)
    """Of the groups that get other members altogether, who are all known."""
    present: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By tenant, ids of people whom no fact is about."""

    @property
    def limit(self) -> int | None:
        """How many references or memberships are loaded: enough to know that there are too many."""
        return None if self.most is None else self.most // REFERENCE + 1

    def weigh(self, more: Iterable[tuple[str, int]]) -> None:
        """Take in what is going to be touched; raises ``TooHeavyError`` where that becomes too much."""
        if self.most is None:
            return
        for tenant, weight in more:
            self.weights[tenant] += weight
        if self.weights.total() > self.most:
            ((heaviest, _),) = self.weights.most_common(1)
            raise TooHeavyError(heaviest)

    async def worked_out(self, connection: Connection, work: Callable[[], _Result]) -> _Result:
        """Work something out, in a thread where that takes long."""
        return await aside(connection, work) if self.values + len(self.sent) > _FEW else work()

    def asked(self) -> list[Asked]:
        """Find out for which values it must be asked who has them."""
        for interest in self.interests.values():
            interest.values_known()
        return [
            one
            for tenant, interest in self.interests.items()
            for one in ask(tenant, interest.values, {value: interest.most(value) for value in interest.values})
        ]

    def memberships_asked(self) -> tuple[set[tuple[str, str, str]], set[tuple[str, str, str]]]:
        """Return whose memberships must be known, and whose other references: tenant, group and person."""
        interests = self.interests.items()
        asked = {(tenant, group, value) for tenant, them in interests for group, value in them.members}
        asked |= {(tenant, one.holder, one.value) for tenant, one in self.sent if one.kind == "member"}
        pairs = {
            (tenant, group, one)
            for tenant, group, value in asked
            if (tenant, group) not in self.rolls
            for one in self.candidates(tenant, value)
        }
        struck = {
            (tenant, group, one)
            for tenant, them in interests
            for group, value in them.removed
            for one in self.candidates(tenant, value)
        }
        return pairs, struck

    def candidates(self, tenant: str, value: str) -> set[str]:
        """Return everybody whom a value may name at some time."""
        return {*self.interests[tenant].touched(value), *self.others.get((tenant, value), NOBODY).ids}


def take_interest(gathered: Gathered, facts: Sequence[Recorded]) -> None:
    """Find out what facts that can be read are about."""
    people: dict[tuple[str, str], Keys | None] = {key: state.keys for key, state in gathered.users.states.items()}
    interests = gathered.interests = {fact.tenant: Interest() for fact in facts}
    for (tenant, _), keys in people.items():
        if tenant in interests and keys is not None:
            interests[tenant].person_stored(keys)
    for recorded in facts:
        match recorded.kind:
            case "user":
                _take_interest_in_person(gathered.users, people, interests[recorded.tenant], recorded)
            case "members":
                _take_interest_in_members(gathered.stagings, facts, interests[recorded.tenant], recorded)
            case _:
                pass


def links(users: Users, recorded: Recorded) -> bool:
    """Whether a fact of a person may make or unmake links in a tenant without any reference so far."""
    if recorded.kind != "user" or recorded.fact is None:
        return False
    person = users.read(recorded)
    return person is None or (isinstance(person, Person) and any(person.managers))


def _take_interest_in_person(
    users: Users, people: dict[tuple[str, str], Keys | None], interest: Interest, recorded: Recorded
) -> None:
    key = (recorded.tenant, recorded.resource)
    before = people.get(key)
    match users.read(recorded):
        case None:
            interest.person_deleted(recorded.resource, before)
            people[key] = None
        case Exception():
            pass
        case person:
            interest.person_changed(before, person.keys, person.managers)
            people[key] = person.keys


def _take_interest_in_members(
    stagings: Stagings, facts: Iterable[Recorded], interest: Interest, recorded: Recorded
) -> None:
    match recorded.fact:
        case MembersAdded(group, values):
            interest.members_changed(group, values, removed=False)
        case MembersRemoved(group, values):
            interest.members_changed(group, values, removed=True)
        case MembersReplaced(group, values, None):
            interest.members_replaced(group, values)
        case MembersReplaced(group):
            interest.members_replaced(group, _staged(stagings, facts, recorded))


def _staged(stagings: Stagings, facts: Iterable[Recorded], replaced: Recorded) -> Iterable[str]:
    """Yield the values of a replacement's chunks: in the table, or before it among the facts."""
    key = staging_key(replaced)
    for _, values in stagings.chunks.get(key, ()):
        yield from values
    for fact in facts:
        if isinstance(fact.fact, StagingChunk) and staging_key(fact) == key:
            yield from fact.fact.values


def book_of(gathered: Gathered, tenant: str) -> Book:
    interest = gathered.interests[tenant]
    states = {user_id: state for (of, user_id), state in gathered.users.states.items() if of == tenant}
    touched = [state.keys for user_id, state in states.items() if (tenant, user_id) in gathered.touched and state.keys]
    others = {value: gathered.others.get((tenant, value), NOBODY) for value in interest.values}
    gone = {value for of, value in gathered.gone if of == tenant}
    references = {one.key: one for of, one in gathered.sent if of == tenant}
    rolls = {group: roll for (of, group), roll in gathered.rolls.items() if of == tenant}
    for of, group, user_id, membership in gathered.memberships:
        if of == tenant:
            rolls.setdefault(group, Roll()).members[user_id] = membership
    return Book(
        Directory(touched, others, gone, gathered.present[tenant]),
        SentReferences(references.values()),
        rolls,
        {user_id: state.manager_id for user_id, state in states.items()},
    )
