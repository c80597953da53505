"""Which unique values a person claims, and what a write must take, keep and release of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rollbook_contracts.emails import principal_email
from rollbook_contracts.facts.user import ClaimHeld
from rollbook_contracts.folding import fold, fold_name
from rollbook_contracts.settings import UniqueIdentifier
from rollbook_contracts.subjects import ClaimAttribute
from rollbook_contracts.urns import ENTERPRISE
from rollbook_gateway.scim.values import Document

Digest = Callable[[str, str], str]
"""From attribute and compared value to the claim's hash, for the tenant at hand."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A unique value that a person has: the claim's attribute and hash, and how to name it to people."""

    attribute: ClaimAttribute
    hash: str
    label: str


@dataclass(frozen=True, slots=True)
class ClaimPlan:
    """What a write does with claims; ``keep`` and ``release`` name absolute sequences."""

    take: tuple[Wanted, ...]
    keep: tuple[ClaimHeld, ...]
    release: tuple[ClaimHeld, ...]


def identifier_of(document: Document, unique_identifier: UniqueIdentifier) -> str | None:
    """Return the value of a unique identifier, as it is compared; ``None`` for a person without one.

    An e-mail address is compared without case, an employee number exactly.
    """
    if unique_identifier == "email":
        email = principal_email(document.get("emails", ()))
        return None if email is None else fold(email)
    number = document.get(ENTERPRISE, {}).get("employeeNumber")
    return str(number) if number else None


def wanted_claims(
    document: Document, identifiers: Iterable[UniqueIdentifier], digest: Digest, held: tuple[ClaimHeld, ...] = ()
) -> tuple[Wanted, ...]:
    """Return the unique values of a document: the userName, and those of the tenant's identifiers that it has."""
    name = document["userName"]
    wanted = [Wanted("userName", _claimed_name(name, digest, held), f"userName {name!r}")]
    for kind in identifiers:
        if (identifier := identifier_of(document, kind)) is not None:
            name = "e-mail address" if kind == "email" else "employeeNumber"
            wanted.append(Wanted("identifier", digest(f"identifier:{kind}", identifier), f"{name} {identifier!r}"))
    return tuple(wanted)


def _claimed_name(name: str, digest: Digest, held: tuple[ClaimHeld, ...]) -> str:
    """Return the hash by which a userName is claimed, by somebody who holds these claims.

    The blanks around a name once counted: whoever holds a claim with them keeps it, since the name without them may be
    somebody else's since then.
    """
    with_blanks = digest("userName", fold(name))
    if any(claim.attribute == "userName" and claim.hash == with_blanks for claim in held):
        return with_blanks
    return digest("userName", fold_name(name))


def plan_claims(wanted: tuple[Wanted, ...], held: tuple[ClaimHeld, ...]) -> ClaimPlan:
    """Compare what a person will have with what the person holds."""
    holding = {(claim.attribute, claim.hash) for claim in held}
    wanting = {(claim.attribute, claim.hash) for claim in wanted}
    return ClaimPlan(
        take=tuple(claim for claim in wanted if (claim.attribute, claim.hash) not in holding),
        keep=tuple(claim for claim in held if (claim.attribute, claim.hash) in wanting),
        release=tuple(claim for claim in held if (claim.attribute, claim.hash) not in wanting),
    )
