"""Why the guard on a claim did not hold: the loops of people and of groups ask before they decide again."""

from typing import Final

from rollbook_contracts.facts.claim import ClaimTaken
from rollbook_contracts.facts.codec import decode_fact
from rollbook_contracts.identifiers import kind_of
from rollbook_gateway.decide.user import Decision, Tenant
from rollbook_gateway.log.port import EventLog
from rollbook_gateway.scim.errors import ErrorKind, ScimError

_HOLDERS: Final = {"usr": "user", "grp": "group"}


async def learn(log: EventLog, tenant: Tenant, subject: str, decision: Decision, released: dict[str, int]) -> None:
    """Note the end of a claim's subject in ``released``; raise ``uniqueness`` where somebody else holds the value.

    A subject that is no claim of the decision's says nothing: the decision is taken again.
    """
    label = decision.labels.get(subject)
    if label is None:
        return
    last = await log.last(tenant.partition, subject)
    if last is None:
        released.pop(subject, None)
        return
    fact = decode_fact(last.headers, last.body)
    holder = decision.facts[-1].about
    if isinstance(fact, ClaimTaken) and fact.holder != holder:
        noun = _HOLDERS[kind_of(holder) or "usr"]
        raise ScimError(
            ErrorKind.UNIQUENESS,
            f"{label} already belongs to another {noun} of this organization. Look that {noun} up with a filter and "
            "update it, or give this one another value.",
        )
    released[subject] = last.sequence
