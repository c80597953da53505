"""Asks PostgreSQL for all that some facts may touch, in a few questions, and writes what they made of it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from rollbook_contracts.facts.membership import MembersAdded, MembersRemoved, MembersReplaced, StagingChunk
from rollbook_projector.projections import members, references
from rollbook_projector.projections.groups import Groups, GroupTable
from rollbook_projector.projections.holders import HolderTable, ask
from rollbook_projector.projections.members import MemberTable
from rollbook_projector.projections.references import ReferenceTable
from rollbook_projector.projections.stagings import Stagings, StagingTable, staging_key
from rollbook_projector.projections.users import Person, Users, UserTable
from rollbook_projector.recorded import Recorded
from rollbook_projector.references.book import Book
from rollbook_projector.references.interest import Interest
from rollbook_projector.references.people import NOBODY, Directory, Holders, Keys, Kind
from rollbook_projector.references.roll import Roll
from rollbook_projector.references.sent import SentReferences
from rollbook_projector.resources import Resources
from rollbook_projector.session import Connection

_MANY: Final = 10_000
_PATIENTLY: Final = "SET LOCAL idle_in_transaction_session_timeout = '60s'"
"""To work out so many references takes seconds in which PostgreSQL hears nothing: the lease is for those who died."""


@dataclass(frozen=True, slots=True)
class ResourceTables:
    """The tables of people, groups and what links them: the live ones, or others of their shapes."""

    users: UserTable = field(default_factory=UserTable)
    groups: GroupTable = field(default_factory=GroupTable)
    members: MemberTable = field(default_factory=MemberTable)
    references: ReferenceTable = field(default_factory=ReferenceTable)
    stagings: StagingTable = field(default_factory=StagingTable)
    holders: HolderTable = field(default_factory=HolderTable)

    async def gather(self, connection: Connection, facts: Sequence[Recorded]) -> Resources:
        """Return all that facts may touch, as it is before them."""
        people = {(fact.tenant, fact.resource) for fact in facts if fact.kind == "user"}
        users = Users(await self.users.load(connection, people))
        gathered = Gathered(users, frozenset(users.states))
        books: dict[str, Book] = {}
        if any(fact.kind in {"group", "members", "staging"} for fact in facts):
            await self._groups(connection, gathered, facts)
        tenants = await self._where_references_are(connection, users, facts)
        if tenants:
            take_interest(gathered, [fact for fact in facts if fact.tenant in tenants and fact.fact is not None])
            await self._references(connection, gathered)
            await self._whole_groups(connection, gathered)
            await self._holders(connection, gathered)
            await self._members(connection, gathered)
            await self._whom_effects_reach(connection, gathered)
            books = {tenant: _book(gathered, tenant) for tenant in gathered.interests}
        return Resources(users, gathered.groups, gathered.stagings, books)

    async def write(self, connection: Connection, resources: Resources, partition: int) -> None:
        """Bring all rows to their last state."""
        await self.users.write(connection, resources.users)
        await self.groups.write(connection, resources.groups)
        await self.members.write(connection, resources.books)
        await self.groups.rename(connection, resources.groups)
        await self.references.write(connection, resources.books)
        await self.stagings.write(connection, partition, resources.stagings)

    async def _groups(self, connection: Connection, gathered: "Gathered", facts: Sequence[Recorded]) -> None:
        groups = {(fact.tenant, fact.resource) for fact in facts if fact.kind in {"group", "members"}}
        gathered.groups = Groups(await self.groups.load(connection, groups))
        staged = {staging_key(fact) for fact in facts if fact.kind == "staging" and fact.fact is not None}
        committed = {
            staging_key(fact)
            for fact in facts
            if isinstance(fact.fact, MembersReplaced) and fact.fact.staging is not None
        }
        gathered.stagings = await self.stagings.load(connection, staged | committed, committed)

    async def _where_references_are(self, connection: Connection, users: Users, facts: Sequence[Recorded]) -> set[str]:
        """Return the tenants where anything may be linked or unlinked: most people come before what names them."""
        certain = {fact.tenant for fact in facts if fact.kind in {"group", "members"} or _links(users, fact)}
        people = {fact.tenant for fact in facts if fact.kind == "user"}
        return certain | await self.references.tenants_with_any(connection, people - certain)

    async def _references(self, connection: Connection, gathered: "Gathered") -> None:
        """Load each reference that a fact may touch, and all references of those whose manager it may be."""
        interests = gathered.interests.items()
        load, note = self.references, gathered.sent.extend
        by_value = await load.by_value(connection, [(tenant, one) for tenant, them in interests for one in them.folds])
        note(by_value)
        for tenant, reference in by_value:
            gathered.interests[tenant].values.add(reference.value)
        managed = {(tenant, "manager", one) for tenant, them in interests for one in them.managed}
        managed |= {(tenant, "manager", one.holder) for tenant, one in by_value if one.kind == "manager"}
        replaced = {(tenant, "member", group) for tenant, them in interests for group in them.replaced}
        note(await load.by_holder(connection, managed | replaced))
        stored: dict[str, dict[str, set[str]]] = {tenant: {} for tenant in gathered.interests}
        for tenant, reference in gathered.sent:
            if reference.kind == "manager":
                stored[tenant].setdefault(reference.holder, set()).add(reference.value)
        for tenant, interest in interests:
            interest.managers_known(stored[tenant])
        one_by_one = [(tenant, *one) for tenant, them in interests for one in them.members]
        note(await load.by_group_and_value(connection, one_by_one))

    async def _whole_groups(self, connection: Connection, gathered: "Gathered") -> None:
        """Load all members of the groups that get others, and find out which of these are ids: almost all of them."""
        if any(len(values) > _MANY for them in gathered.interests.values() for values in them.replaced.values()):
            await connection.execute(_PATIENTLY)
        for tenant, interest in gathered.interests.items():
            values: set[str] = set()
            for group, wanted in interest.replaced.items():
                roll = await self.members.roll(connection, tenant, group)
                gathered.rolls[tenant, group] = roll
                gathered.present[tenant] |= roll.members.keys()
                values |= wanted
            gathered.present[tenant] |= await self.holders.present(
                connection, tenant, values - gathered.present[tenant]
            )
            gathered.present[tenant] -= {user_id for of, user_id in gathered.touched if of == tenant}
            interest.values |= values - gathered.present[tenant]

    async def _holders(self, connection: Connection, gathered: "Gathered") -> None:
        for interest in gathered.interests.values():
            interest.values_known()
        asked = [
            one
            for tenant, interest in gathered.interests.items()
            for one in ask(tenant, interest.values, {value: interest.most(value) for value in interest.values})
        ]
        found, gathered.gone = await self.holders.find(connection, asked, gathered.touched)
        for (tenant, value), others in found.items():
            if others.kind == Kind.ID:
                gathered.present[tenant].add(value)
        gathered.others = found

    async def _members(self, connection: Connection, gathered: "Gathered") -> None:
        """Load the memberships, and the other references, of those whom a value may name at some time."""
        interests = gathered.interests.items()
        deleted = [(tenant, one) for tenant, them in interests for one in them.deleted]
        gathered.memberships += await self.members.of_people(connection, deleted)
        asked = {(tenant, group, value) for tenant, them in interests for group, value in them.members}
        asked |= {(tenant, one.holder, one.value) for tenant, one in gathered.sent if one.kind == "member"}
        pairs = {
            (tenant, group, one)
            for tenant, group, value in asked
            if (tenant, group) not in gathered.rolls
            for one in gathered.candidates(tenant, value)
        }
        gathered.memberships += await self.members.pairs(connection, pairs)
        struck = {
            (tenant, group, one)
            for tenant, them in interests
            for group, value in them.removed
            for one in gathered.candidates(tenant, value)
        }
        gathered.sent += await self.references.by_group_and_user(connection, struck)

    async def _whom_effects_reach(self, connection: Connection, gathered: "Gathered") -> None:
        """Load the groups and people of which no fact is, but whose members or manager may change."""
        groups = {(tenant, group) for tenant, group, _, _ in gathered.memberships}
        groups |= {(tenant, one.holder) for tenant, one in gathered.sent if one.kind == "member"}
        gathered.groups.know(await self.groups.load(connection, groups - gathered.groups.known))
        people = {(tenant, one.holder) for tenant, one in gathered.sent if one.kind == "manager"}
        gathered.users.know(await self.users.load(connection, people - gathered.users.known))


@dataclass(slots=True)
class Gathered:
    """The answers so far."""

    users: Users
    touched: frozenset[tuple[str, str]] = frozenset()
    """The people with a row of whom any of the facts is."""
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


def _links(users: Users, recorded: Recorded) -> bool:
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


def _book(gathered: Gathered, tenant: str) -> Book:
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
