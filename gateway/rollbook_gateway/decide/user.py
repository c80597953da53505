"""Decisions on people: create, change, delete; called by the decision loop with a state and a new document."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from rollbook_contracts import subjects
from rollbook_contracts.facts.catalog import Fact
from rollbook_contracts.facts.claim import ClaimReleased, ClaimTaken
from rollbook_contracts.facts.user import (
    ClaimHeld,
    UserClaimsChanged,
    UserCreated,
    UserDeactivated,
    UserDeleted,
    UserFact,
    UserReactivated,
    UserUpdated,
)
from rollbook_contracts.settings import TenantSettings
from rollbook_gateway.decide.claims import ClaimPlan, Digest, Wanted, identifier_of, plan_claims, wanted_claims
from rollbook_gateway.decide.rules import with_kept_region, with_rules
from rollbook_gateway.decide.state import PresentUser
from rollbook_gateway.scim.difference import changed_attributes
from rollbook_gateway.scim.document import NOTHING_REMOVED
from rollbook_gateway.scim.matching import with_active
from rollbook_gateway.scim.values import Document


@dataclass(frozen=True, slots=True)
class Tenant:
    """The organization that a decision is made for: where its facts stand and what it allows."""

    id: str
    name: str
    partition: int
    settings: TenantSettings
    settings_sequence: int = 0
    """Sequence of the tenant's fact that carries these settings."""


@dataclass(frozen=True, slots=True)
class PlannedFact:
    """A fact to be written: its subject, whom it is about, and the guard (sequence of the subject's last message).

    ``expected`` is ``None`` for a fact that follows another one of its write on the same subject. Such a fact may guard
    a subject ``beside`` the write, given with its last sequence.
    """

    subject: str
    about: str
    fact: Fact
    expected: int | None
    beside: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The facts of one write, claims first, the holder's fact last; ``labels`` names each claimed value to people."""

    facts: tuple[PlannedFact, ...]
    document: Document
    created: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Decider:
    """Decides for one tenant; ``released`` holds the last sequences of claim subjects known to be free again."""

    tenant: Tenant
    digest: Digest
    released: Mapping[str, int]

    def create(self, user_id: str, document: Document, *, now: str) -> Decision:
        """Provision a new person; raises ``invalidValue`` where the tenant's rules refuse a value."""
        stored = with_rules(with_active(document), None, self.tenant.settings)
        return self._write(UserCreated, user_id, stored, created=now, held=(), expected=0, changed=())

    def replace(self, state: PresentUser, document: Document) -> Decision | None:
        """Give a person a document that a provider sent whole."""
        return self.change(state, with_kept_region(document, state.document, self.tenant.settings))

    def change(
        self, state: PresentUser, document: Document, removed: frozenset[str] = NOTHING_REMOVED
    ) -> Decision | None:
        """Give a person another document; ``None`` where nothing differs, so that nothing is written.

        Where it does not say ``active``, the person stays as active as before: silence reactivates nobody.
        ``removed`` names what the request took away, as ``scim.document.Canonical`` has it.
        """
        document = document if "active" in document else {**document, "active": state.active}
        stored = with_rules(document, state.document, self.tenant.settings, removed)
        changed = tuple(changed_attributes(state.document, stored))
        if not changed:
            return None
        active = stored.get("active", True) is True
        fact_type: type[UserFact] = UserUpdated
        if state.active != active:
            fact_type = UserReactivated if active else UserDeactivated
        return self._write(
            fact_type,
            state.id,
            stored,
            created=state.created,
            held=state.claims,
            expected=state.sequence,
            changed=changed,
        )

    def reclaim(self, state: PresentUser) -> Decision | None:
        """Have a person hold what the tenant's identifiers ask for and nothing else; ``None`` where it is so."""
        plan = plan_claims(self._wanted(state.document, state.claims), state.claims)
        if not plan.take and not plan.release:
            return None
        return self._write(
            UserClaimsChanged,
            state.id,
            state.document,
            created=state.created,
            held=state.claims,
            expected=state.sequence,
            changed=(),
        )

    def delete(self, state: PresentUser) -> Decision:
        """Remove a person and release what the person claimed."""
        planned = [released_claim(self.tenant, claim, state.id) for claim in state.claims]
        planned.append(PlannedFact(self._user(state.id), state.id, UserDeleted(state.id), state.sequence))
        return Decision(tuple(planned), {}, state.created, {})

    def _write(  # noqa: PLR0913  # one call for create and change: what differs between them is passed by name
        self,
        fact_type: type[UserFact],
        user_id: str,
        document: Document,
        *,
        created: str,
        held: tuple[ClaimHeld, ...],
        expected: int,
        changed: tuple[str, ...],
    ) -> Decision:
        plan = plan_claims(self._wanted(document, held), held)
        claims, labels = claim_facts(self.tenant, plan, user_id, self.released)
        fact = fact_type(
            id=user_id,
            created=created,
            document=msgspec.Raw(msgspec.json.encode(document)),
            identifier=identifier_of(document, self.tenant.settings.unique_identifier),
            claims=held_after(plan),
            changed=changed,
        )
        planned = (*claims, PlannedFact(self._user(user_id), user_id, fact, expected))  # type: ignore[arg-type]  # the subclasses of UserFact are all facts
        return Decision(planned, document, created, labels)

    def _wanted(self, document: Document, held: tuple[ClaimHeld, ...]) -> tuple[Wanted, ...]:
        return wanted_claims(document, self.tenant.settings.claimed_identifiers, self.digest, held)

    def _user(self, user_id: str) -> str:
        return subjects.user(self.tenant.partition, self.tenant.id, user_id)


def claim_facts(
    tenant: Tenant, plan: ClaimPlan, holder: str, released: Mapping[str, int]
) -> tuple[list[PlannedFact], dict[str, str]]:
    """Return the facts that release and take claims, and what each claimed value is called, by its subject."""
    planned = [released_claim(tenant, claim, holder) for claim in plan.release]
    labels = {}
    for claim in plan.take:
        subject = subjects.claim(tenant.partition, tenant.id, claim.attribute, claim.hash)
        labels[subject] = claim.label
        planned.append(PlannedFact(subject, holder, ClaimTaken(holder), released.get(subject, 0)))
    return planned, labels


def released_claim(tenant: Tenant, claim: ClaimHeld, holder: str) -> PlannedFact:
    """Return the fact that gives a claim back."""
    subject = subjects.claim(tenant.partition, tenant.id, claim.attribute, claim.hash)
    return PlannedFact(subject, holder, ClaimReleased(holder), claim.at)


def held_after(plan: ClaimPlan) -> tuple[ClaimHeld, ...]:
    """Return what a holder has after the write: taken claims stand right before the holder's fact, in order."""
    taken = [
        ClaimHeld(claim.attribute, claim.hash, position - len(plan.take)) for position, claim in enumerate(plan.take)
    ]
    return (*plan.keep, *taken)
