"""What a search finds: people, groups and pages of them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UserRow:
    """A person as found; ``document`` is the SCIM resource as JSON, without ``id``, ``meta`` and ``schemas``."""

    id: str
    document: str
    created: str
    last_modified: str
    fact_seq: int


@dataclass(frozen=True, slots=True)
class Page:
    """``total`` people match; ``rows`` are those of the page, in the order of their ids."""

    total: int
    rows: list[UserRow]


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A member as found: a linked one by the person's id, with the person's name; one that waits as it was sent."""

    value: str
    linked: bool
    display: str | None


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group as found; ``document`` is the SCIM resource as JSON, without ``id``, ``meta``, ``schemas`` and members.

    ``members_seq`` is 0 and ``members_modified`` ``None`` where no fact of members was ever written; ``members`` is
    empty also where they were not asked for.
    """

    id: str
    document: str
    created: str
    last_modified: str
    members_modified: str | None
    fact_seq: int
    members_seq: int
    members: list[MemberRow]


@dataclass(frozen=True, slots=True)
class GroupPage:
    """``total`` groups match; ``rows`` are those of the page, in the order of their ids."""

    total: int
    rows: list[GroupRow]
