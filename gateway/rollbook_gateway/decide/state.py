"""What the last fact of a person, or of a group's head, says of it; read by the decision loops and by GET."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

from rollbook_contracts.facts.catalog import Fact
from rollbook_contracts.facts.group import GroupDeleted, GroupFact
from rollbook_contracts.facts.user import ClaimHeld, UserDeleted, UserFact
from rollbook_gateway.scim.matching import with_active


@dataclass(frozen=True, slots=True)
class PresentUser:
    """A person that exists, active or not; ``claims`` name their sequences absolutely, times are RFC 3339."""

    id: str
    sequence: int
    created: str
    last_modified: str
    document: dict[str, Any]
    claims: tuple[ClaimHeld, ...]

    @property
    def active(self) -> bool:
        """Whether the person may use the LMS; so it is where nobody said otherwise."""
        return self.document.get("active", True) is True


@dataclass(frozen=True, slots=True)
class AbsentUser:
    """A person that never was, or is gone; ``sequence`` is that of the last fact, 0 where there is none."""

    sequence: int


UserState: TypeAlias = PresentUser | AbsentUser


def present_user(fact: UserFact, document: dict[str, Any], *, sequence: int, time: str) -> PresentUser:
    """Return the state after a fact that carries the whole person, ``document`` being what it carries."""
    return PresentUser(
        id=fact.id,
        sequence=sequence,
        created=fact.created,
        last_modified=time,
        document=with_active(document),
        claims=held_claims(fact.claims, sequence),
    )


def held_claims(claims: tuple[ClaimHeld, ...], sequence: int) -> tuple[ClaimHeld, ...]:
    """Return the claims that a fact names, with their sequences as they stand in the log."""
    return tuple(ClaimHeld(claim.attribute, claim.hash, claim.sequence(sequence)) for claim in claims)


def user_state(fact: Fact, *, sequence: int, time: str) -> UserState:
    """Return the state after the last fact on a person's subject."""
    if isinstance(fact, UserFact):
        return present_user(fact, msgspec.json.decode(fact.document), sequence=sequence, time=time)
    if isinstance(fact, UserDeleted):
        return AbsentUser(sequence)
    raise TypeError(f"{type(fact).__name__} is no fact of a user")


@dataclass(frozen=True, slots=True)
class PresentGroup:
    """A group that exists, without its members; ``sequence`` is that of the head's last fact."""

    id: str
    sequence: int
    created: str
    last_modified: str
    document: dict[str, Any]
    claims: tuple[ClaimHeld, ...]


@dataclass(frozen=True, slots=True)
class AbsentGroup:
    """A group that never was, or is gone."""

    sequence: int


GroupState: TypeAlias = PresentGroup | AbsentGroup


def group_state(fact: Fact, *, sequence: int, time: str) -> GroupState:
    """Return the state after the last fact on the subject of a group's head."""
    if isinstance(fact, GroupFact):
        document = msgspec.json.decode(fact.document)
        return PresentGroup(fact.id, sequence, fact.created, time, document, held_claims(fact.claims, sequence))
    if isinstance(fact, GroupDeleted):
        return AbsentGroup(sequence)
    raise TypeError(f"{type(fact).__name__} is no fact of a group")
