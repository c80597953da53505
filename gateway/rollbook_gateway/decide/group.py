"""Decisions on groups' heads: create, change, delete; called by the group writes with a state and a new document."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from rollbook_contracts import subjects
from rollbook_contracts.facts.group import GroupCreated, GroupDeleted, GroupFact, GroupUpdated
from rollbook_contracts.facts.user import ClaimHeld
from rollbook_contracts.folding import fold
from rollbook_gateway.decide.claims import Digest, Wanted, plan_claims
from rollbook_gateway.decide.state import PresentGroup
from rollbook_gateway.decide.user import Decision, PlannedFact, Tenant, claim_facts, held_after, released_claim
from rollbook_gateway.scim.difference import changed_attributes
from rollbook_gateway.scim.values import Document


@dataclass(frozen=True, slots=True)
class GroupDecider:
    """Decides for one tenant; ``released`` holds the last sequences of claim subjects known to be free again."""

    tenant: Tenant
    digest: Digest
    released: Mapping[str, int]

    def create(self, group_id: str, document: Document, *, now: str) -> Decision:
        """Provision a new group."""
        return self._write(GroupCreated, group_id, document, created=now, held=(), expected=0, changed=())

    def change(self, state: PresentGroup, document: Document) -> Decision | None:
        """Give a group another head; ``None`` where nothing differs, so that nothing is written."""
        changed = tuple(changed_attributes(state.document, document))
        if not changed:
            return None
        return self._write(
            GroupUpdated,
            state.id,
            document,
            created=state.created,
            held=state.claims,
            expected=state.sequence,
            changed=changed,
        )

    def delete(self, state: PresentGroup) -> Decision:
        """Remove a group and release its name; its members are closed in the same write."""
        planned = [released_claim(self.tenant, claim, state.id) for claim in state.claims]
        planned.append(PlannedFact(self._group(state.id), state.id, GroupDeleted(state.id), state.sequence))
        return Decision(tuple(planned), {}, state.created, {})

    def _write(  # noqa: PLR0913  # one call for create and change: what differs between them is passed by name
        self,
        fact_type: type[GroupFact],
        group_id: str,
        document: Document,
        *,
        created: str,
        held: tuple[ClaimHeld, ...],
        expected: int,
        changed: tuple[str, ...],
    ) -> Decision:
        plan = plan_claims(self._wanted(document), held)
        claims, labels = claim_facts(self.tenant, plan, group_id, self.released)
        fact = fact_type(
            id=group_id,
            created=created,
            document=msgspec.Raw(msgspec.json.encode(document)),
            claims=held_after(plan),
            changed=changed,
        )
        planned = (*claims, PlannedFact(self._group(group_id), group_id, fact, expected))  # type: ignore[arg-type]  # both subclasses of GroupFact are facts
        return Decision(planned, document, created, labels)

    def _wanted(self, document: Document) -> tuple[Wanted, ...]:
        name = document["displayName"]
        return (Wanted("displayName", self.digest("displayName", fold(name)), f"displayName {name!r}"),)

    def _group(self, group_id: str) -> str:
        return subjects.group(self.tenant.partition, self.tenant.id, group_id)
