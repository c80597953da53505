"""Facts of groups' heads: each but the last kind carries the whole head; members are facts of their own."""

import msgspec

from rollbook_contracts.facts.user import ClaimHeld


class GroupFact(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A group's head after a write.

    ``document`` is the SCIM resource as JSON, without ``id``, ``meta``, ``schemas`` and ``members``; ``created``,
    ``claims`` and ``changed`` are as for people.
    """

    id: str
    created: str
    document: msgspec.Raw
    claims: tuple[ClaimHeld, ...] = ()
    changed: tuple[str, ...] = ()


class GroupCreated(GroupFact, frozen=True):
    """A group was provisioned."""


class GroupUpdated(GroupFact, frozen=True):
    """A group's displayName or externalId changed."""


class GroupDeleted(msgspec.Struct, frozen=True):
    """A group was removed; the batch releases its claim and closes its members."""

    id: str
