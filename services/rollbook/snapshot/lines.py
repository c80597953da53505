"""What a snapshot says, line by line; read from files by ``reading``, compared with the tables by ``comparison``."""

from dataclasses import dataclass, field
from typing import NamedTuple


class Place(NamedTuple):
    """Where in the files something stands; lines count from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Problem(NamedTuple):
    """Why a snapshot cannot be applied as it is."""

    place: Place
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


@dataclass(frozen=True, slots=True)
class UserLine:
    """A person: the SCIM document in the gateway's spelling, as JSON, and the paths that were sent empty, to clear."""

    place: Place
    user_name: str
    external_id: str | None
    document: bytes
    cleared: tuple[str, ...] = ()
    lists_in_part: bool = False
    """Whether lists hold only the elements that have a column, so that a person's others are left alone."""


@dataclass(frozen=True, slots=True)
class GroupLine:
    """A group's head."""

    place: Place
    display_name: str | None
    external_id: str | None

    @property
    def name(self) -> str:
        """How the line is called in messages."""
        return self.display_name or self.external_id or ""


class MembershipLine(NamedTuple):
    """A member of a group; ``group`` is its externalId or displayName, ``member`` any value that may name a person."""

    place: Place
    group: str
    member: str


class ManagerLine(NamedTuple):
    """A person's manager, by any value that may name one; ``None`` for nobody."""

    place: Place
    user: str
    manager: str | None


@dataclass(slots=True)
class Snapshot:
    """Everything that the files say; ``notes`` tells what of it is ignored."""

    users: list[UserLine] = field(default_factory=list)
    groups: list[GroupLine] = field(default_factory=list)
    memberships: list[MembershipLine] = field(default_factory=list)
    managers: list[ManagerLine] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
