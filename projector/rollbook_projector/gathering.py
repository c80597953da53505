"""Asks PostgreSQL for all that some facts may touch, in a few questions, and writes what they made of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rollbook_contracts.facts.group import GroupDeleted
from rollbook_contracts.facts.membership import MOST_MEMBERS, MembersReplaced
from rollbook_projector.gathered import Gathered, book_of, links, take_interest
from rollbook_projector.projections.groups import Groups, GroupTable
from rollbook_projector.projections.holders import HolderTable
from rollbook_projector.projections.members import MemberTable
from rollbook_projector.projections.references import ReferenceTable
from rollbook_projector.projections.stagings import StagingTable, staging_key
from rollbook_projector.projections.users import Users, UserTable
from rollbook_projector.recorded import Recorded
from rollbook_projector.references.book import Book
from rollbook_projector.references.people import Kind
from rollbook_projector.resources import Resources
from rollbook_projector.session import Connection
from rollbook_projector.weight import REFERENCE


@dataclass(frozen=True, slots=True)
class ResourceTables:
    """The tables of people, groups and what links them: the live ones, or others of their shapes."""

    users: UserTable = field(default_factory=UserTable)
    groups: GroupTable = field(default_factory=GroupTable)
    members: MemberTable = field(default_factory=MemberTable)
    references: ReferenceTable = field(default_factory=ReferenceTable)
    stagings: StagingTable = field(default_factory=StagingTable)
    holders: HolderTable = field(default_factory=HolderTable)

    async def gather(self, connection: Connection, facts: Sequence[Recorded], most: int | None = None) -> Resources:
        """Return all that facts may touch, as it is before them.

        Raises ``TooHeavyError`` where that is more than ``most``, before it is loaded.
        """
        people = {(fact.tenant, fact.resource) for fact in facts if fact.kind == "user"}
        users = Users(await self.users.load(connection, people))
        gathered = Gathered(users, frozenset(users.states), most)
        books: dict[str, Book] = {}
        if any(fact.kind in {"group", "members", "staging"} for fact in facts):
            await self._groups(connection, gathered, facts)
        tenants = await self._where_references_are(connection, users, facts)
        if tenants:
            read = [fact for fact in facts if fact.tenant in tenants and fact.fact is not None]
            await gathered.worked_out(connection, lambda: take_interest(gathered, read))
            await self._references(connection, gathered)
            await self._whole_groups(connection, gathered)
            await self._holders(connection, gathered)
            await self._members(connection, gathered)
            await self._whom_effects_reach(connection, gathered)
            books = await gathered.worked_out(
                connection, lambda: {tenant: book_of(gathered, tenant) for tenant in gathered.interests}
            )
        return Resources(users, gathered.groups, gathered.stagings, books)

    async def write(self, connection: Connection, resources: Resources, partition: int) -> None:
        """Bring all rows to their last state."""
        await self.users.write(connection, resources.users)
        await self.groups.write(connection, resources.groups)
        await self.members.write(connection, resources.books)
        await self.groups.rename(connection, resources.groups)
        await self.references.write(connection, resources.books)
        await self.stagings.write(connection, partition, resources.stagings)

    async def looked_at(self, connection: Connection) -> None:
        """Let PostgreSQL look at the tables that grew much; outside of any transaction of the live tables."""
        for table in (self.users, self.groups, self.members, self.references):
            await table.growth.looked_at(connection)

    async def _groups(self, connection: Connection, gathered: Gathered, facts: Sequence[Recorded]) -> None:
        groups = {(fact.tenant, fact.resource) for fact in facts if fact.kind in {"group", "members"}}
        gathered.groups = Groups(await self.groups.load(connection, groups))
        staged = {staging_key(fact) for fact in facts if fact.kind == "staging" and fact.fact is not None}
        committed = {
            staging_key(fact)
            for fact in facts
            if isinstance(fact.fact, MembersReplaced) and fact.fact.staging is not None
        }
        gathered.stagings = await self.stagings.load(connection, staged | committed)
        states = gathered.stagings.states
        gathered.weigh((key[0], states[key].chunks * MOST_MEMBERS) for key in committed & states.keys())
        if gathered.most is not None:
            whole = {
                (fact.tenant, fact.resource) for fact in facts if isinstance(fact.fact, MembersReplaced | GroupDeleted)
            }
            gathered.weigh(await self.members.counts(connection, whole, gathered.most + 1))
        await self.stagings.load_chunks(connection, gathered.stagings, committed)
        gathered.values += sum(len(getattr(fact.fact, "values", ())) for fact in facts)
        gathered.values += sum(len(values) for chunks in gathered.stagings.chunks.values() for _, values in chunks)

    async def _where_references_are(self, connection: Connection, users: Users, facts: Sequence[Recorded]) -> set[str]:
        """Return the tenants where anything may be linked or unlinked: most people come before what names them."""
        certain = {fact.tenant for fact in facts if fact.kind in {"group", "members"} or links(users, fact)}
        people = {fact.tenant for fact in facts if fact.kind == "user"}
        return certain | await self.references.tenants_with_any(connection, people - certain)

    async def _references(self, connection: Connection, gathered: Gathered) -> None:
        """Load each reference that a fact may touch, and all references of those whose manager it may be."""
        interests = gathered.interests.items()
        load, note = self.references, gathered.sent.extend
        folds = [(tenant, one) for tenant, them in interests for one in them.folds]
        by_value = await load.by_value(connection, folds, gathered.limit)
        gathered.weigh((tenant, REFERENCE) for tenant, _ in by_value)
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

    async def _whole_groups(self, connection: Connection, gathered: Gathered) -> None:
        """Load all members of the groups that get others, and find out which of these are ids: almost all of them."""
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

    async def _holders(self, connection: Connection, gathered: Gathered) -> None:
        asked = await gathered.worked_out(connection, gathered.asked)
        found, gathered.gone = await self.holders.find(connection, asked, gathered.touched)
        for (tenant, value), others in found.items():
            if others.kind == Kind.ID:
                gathered.present[tenant].add(value)
        gathered.others = found

    async def _members(self, connection: Connection, gathered: Gathered) -> None:
        """Load the memberships, and the other references, of those whom a value may name at some time."""
        deleted = [(tenant, one) for tenant, them in gathered.interests.items() for one in them.deleted]
        of_deleted = await self.members.of_people(connection, deleted, gathered.limit)
        gathered.weigh((tenant, REFERENCE) for tenant, *_ in of_deleted)
        gathered.memberships += of_deleted
        pairs, struck = await gathered.worked_out(connection, gathered.memberships_asked)
        gathered.memberships += await self.members.pairs(connection, pairs)
        gathered.sent += await self.references.by_group_and_user(connection, struck)

    async def _whom_effects_reach(self, connection: Connection, gathered: Gathered) -> None:
        """Load the groups and people of which no fact is, but whose members or manager may change."""
        groups = {(tenant, group) for tenant, group, _, _ in gathered.memberships}
        groups |= {(tenant, one.holder) for tenant, one in gathered.sent if one.kind == "member"}
        gathered.groups.know(await self.groups.load(connection, groups - gathered.groups.known))
        people = {(tenant, one.holder) for tenant, one in gathered.sent if one.kind == "manager"}
        gathered.users.know(await self.users.load(connection, people - gathered.users.known))
