"""Facts of users: each but ``user.deleted`` carries the whole person, so the last fact on a subject is the state."""

import msgspec

from rollbook_contracts.subjects import ClaimAttribute


class ClaimHeld(msgspec.Struct, frozen=True, array_like=True):
    """A claim that the resource holds after the fact.

    ``at`` is the sequence of its ``claim.taken``; where that was written in the same batch as the fact it is negative:
    the distance from the fact's own sequence, which is not known before the batch is stored.
    """

    attribute: ClaimAttribute
    hash: str
    at: int

    def sequence(self, fact_sequence: int) -> int:
        """Return the claim's sequence, given that of the fact which names it."""
        return self.at if self.at > 0 else fact_sequence + self.at


class UserFact(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A person after a write.

    ``document`` is the SCIM resource as JSON, without ``id``, ``meta`` and ``schemas``; ``created`` is the time of the
    first fact (RFC 3339); ``identifier`` the value of the unique identifier that was in force; ``changed`` the names of
    the attributes that differ from the state before, sorted.
    """

    id: str
    created: str
    document: msgspec.Raw
    identifier: str | None = None
    claims: tuple[ClaimHeld, ...] = ()
    changed: tuple[str, ...] = ()


class UserCreated(UserFact, frozen=True):
    """A person was provisioned."""


class UserUpdated(UserFact, frozen=True):
    """A person's attributes changed, whether active or not."""


class UserDeactivated(UserFact, frozen=True):
    """A person became inactive; other attributes may have changed with it."""


class UserReactivated(UserFact, frozen=True):
    """A person became active again; other attributes may have changed with it."""


class UserClaimsChanged(UserFact, frozen=True):
    """A person holds other claims, because the organization's unique identifier changes; nothing else differs."""


class UserDeleted(msgspec.Struct, frozen=True):
    """A person was removed; the batch releases the person's claims."""

    id: str
