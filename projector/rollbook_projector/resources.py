"""People, groups and what links them, as far as some facts touch them: moved on fact by fact by ``Batch``; pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rollbook_contracts.facts.membership import MembersAdded, MembersRemoved, MembersReplaced
from rollbook_contracts.facts.user import UserClaimsChanged
from rollbook_projector.changes import Cause, OutboxRow, UserState, effect_change, group_change, user_change
from rollbook_projector.halts import Halt
from rollbook_projector.projections.groups import Groups
from rollbook_projector.projections.references import check_references
from rollbook_projector.projections.stagings import Stagings, staging_key
from rollbook_projector.projections.users import Person, Users
from rollbook_projector.recorded import Recorded
from rollbook_projector.references.book import Book, Effect, What


@dataclass(slots=True)
class Resources:
    """The tables' part that a batch touches; a tenant where nothing links anything has no book."""

    users: Users = field(default_factory=lambda: Users({}))
    groups: Groups = field(default_factory=lambda: Groups({}))
    stagings: Stagings = field(default_factory=lambda: Stagings({}))
    books: dict[str, Book] = field(default_factory=dict)

    def apply(self, recorded: Recorded, cause: Cause, predecessor: int | None = None) -> OutboxRow | None:
        """Apply one fact; return the change of its own resource. Its links are told by ``effects``.

        ``predecessor`` replaces the sequence of the last applied fact where that one was discarded. Raises ``Halt``
        where the chain of facts is broken, anything else for a reason of the fact's own; then nothing is changed here.
        """
        match recorded.kind:
            case "user":
                return self._person(recorded, cause, predecessor)
            case "group":
                return self._group(recorded, cause, predecessor)
            case "members":
                self._members(recorded, predecessor)
            case "staging":
                self.stagings.apply(recorded, predecessor)
            case _:
                raise ValueError(f"nothing is known of facts of kind {recorded.kind!r}")
        return None

    @property
    def work(self) -> dict[str, int]:
        """What was done so far to each tenant's links, in values of members."""
        return {tenant: book.work for tenant, book in self.books.items()}

    @property
    def known(self) -> int:
        """About how many references, members and people may be moved."""
        links = sum(
            len(book.references) + sum(len(roll.members) for roll in book.rolls.values())
            for book in self.books.values()
        )
        return (
            links
            + len(self.users.states)
            + sum(len(of) for chunks in self.stagings.chunks.values() for _, of in chunks)
        )

    def effects(self, tenant: str) -> Sequence[Effect]:
        """Return what the last fact did to the tenant's memberships and managers, in order."""
        book = self.books.get(tenant)
        return book.settle() if book else ()

    def changed(self, effect: Effect, tenant: str, cause: Cause) -> OutboxRow:
        """Note an effect on its group or person; return the change."""
        key, version = (tenant, effect.resource), str(cause.key)
        if effect.what in {What.MEMBERS_REMOVED, What.MEMBERS_ADDED}:
            group = self.groups.states[key]
            self.groups.states[key] = group._replace(last_change=version)
            self.groups.moved.add(key)
            return effect_change(effect, tenant, group.last_change, cause)
        user = self.users.states[key]
        manager_id = effect.people[0] if effect.what is What.MANAGER_ASSIGNED else None
        self.users.states[key] = user._replace(last_change=version, manager_id=manager_id)
        self.users.reassigned.add(key)
        return effect_change(effect, tenant, user.last_change, cause)

    def shown(self, tenant: str, cause: Cause) -> None:
        """Note which groups show other members since the last fact, whose effects were told."""
        book = self.books.get(tenant)
        for group in book.shown() if book else ():
            self.groups.shown((tenant, group), cause.key.sequence, cause.time)

    def _person(self, recorded: Recorded, cause: Cause, predecessor: int | None) -> OutboxRow | None:
        before = self.users.states.get((recorded.tenant, recorded.resource))
        untold = before if predecessor is None and isinstance(recorded.fact, UserClaimsChanged) else None
        after = self.users.apply(recorded, untold.last_change if untold else str(cause.key), predecessor)
        keys = before.keys if before else None
        if before and after and (predecessor is not None or _shown_by_another_name(recorded, after)):
            self.groups.renamed[recorded.tenant, recorded.resource] = (cause.key.sequence, cause.time)

        def link(book: Book) -> None:
            person = self.users.read(recorded)
            if isinstance(person, Person):
                book.person_changed(keys, person.keys, person.managers, since=recorded.time)
            else:
                book.person_deleted(recorded.resource, keys)

        self._link(recorded, link)
        # Where claims alone differ from what consumers were told before, there is nothing to tell.
        return None if untold else user_change(before, after, recorded, cause)

    def _group(self, recorded: Recorded, cause: Cause, predecessor: int | None) -> OutboxRow | None:
        before = self.groups.states.get((recorded.tenant, recorded.resource))
        after = self.groups.apply(recorded, str(cause.key), predecessor)
        if after is None:
            self._link(recorded, lambda book: book.close(recorded.resource))
        return group_change(before, after, recorded, cause)

    def _members(self, recorded: Recorded, predecessor: int | None) -> None:
        fact, group, since = recorded.fact, recorded.resource, recorded.time
        replacement = self._replacement(recorded)
        check_references(recorded, "member", getattr(fact, "values", ()))
        if not self.groups.members_changed(recorded, predecessor):
            return
        match fact:
            case MembersAdded(_, values):
                self._link(recorded, lambda book: book.add(group, values, since=since))
            case MembersRemoved(_, values):
                self._link(recorded, lambda book: book.remove(group, values))
            case MembersReplaced():
                self._link(recorded, lambda book: book.replace(group, replacement, since=since))
            case _:
                pass  # closed: the group's own end follows in the same write, or has just been applied

    def _replacement(self, recorded: Recorded) -> Sequence[str]:
        """Return who takes the place of all members; a staging is taken up, whatever becomes of it."""
        fact = recorded.fact
        if not isinstance(fact, MembersReplaced) or fact.staging is None:
            return getattr(fact, "values", ())
        key = staging_key(recorded)
        exists = (recorded.tenant, recorded.resource) in self.groups.states
        values = self.stagings.values(key) if exists else ()
        self.stagings.end(key)
        return values

    def _link(self, recorded: Recorded, change: Callable[[Book], None]) -> None:
        """Tell the tenant's book of a fact that was applied. An error here is ours: the fact must not be parked."""
        book = self.books.get(recorded.tenant)
        if book is None:
            return
        try:
            change(book)
        except Exception as error:
            raise Halt("links_broken", f"fact {recorded.sequence}: {type(error).__name__}: {error}") from error


def _shown_by_another_name(recorded: Recorded, after: UserState) -> bool:
    """Whether a fact changed the name by which groups show a person: the displayName, the userName without one."""
    changed = getattr(recorded.fact, "changed", ())
    assert after.keys is not None, "a fact of a person who is there has all keys"
    return "displayName" in changed or ("userName" in changed and after.keys.display_name is None)
