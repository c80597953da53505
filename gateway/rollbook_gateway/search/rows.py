"""What a search finds: people, groups and pages of them."""

from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from rollbook_gateway.search.members import NONE, Members


class Row(Protocol):
    """A resource as found."""

    @property
    def id(self) -> str: ...


class Membership(NamedTuple):
    """One of a person's groups."""

    group_id: str
    display: str


@dataclass(frozen=True, slots=True)
class UserRow:
    """A person as found; ``document`` is the SCIM resource as JSON, without ``id``, ``meta`` and ``schemas``.

    ``groups`` is empty also where they were not asked for.
    """

    id: str
    document: str
    created: str
    last_modified: str
    fact_seq: int
    groups: tuple[Membership, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group as found; ``document`` is the SCIM resource as JSON, without ``id``, ``meta``, ``schemas`` and members.

    ``shown_seq`` is the sequence of the last fact that changed what is shown of the members, ``shown_modified`` its
    time; 0 and ``None`` where there is none, and where members were not asked for and the group's facts are parked.
    ``members`` is empty also where they were not asked for.
    """

    id: str
    document: str
    created: str
    last_modified: str
    shown_modified: str | None
    fact_seq: int
    shown_seq: int
    members: Members = NONE


Found = TypeVar("Found", bound=Row)


@dataclass(frozen=True, slots=True)
class Page(Generic[Found]):
    """``total`` resources match; ``rows`` are those of the page, in the order of their ids."""

    total: int
    rows: list[Found]


# As text they cannot be called by mistake: Python 3.11 makes no instance of a slotted class by a name with parameters.
UserPage: TypeAlias = "Page[UserRow]"
GroupPage: TypeAlias = "Page[GroupRow]"
