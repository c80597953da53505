"""What is to be done so that the tables become what a snapshot says; made by ``comparison``, sent by ``applying``."""

from dataclasses import dataclass
from typing import TypeAlias

from rollbook.snapshot.lines import Place


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody whom the comparison knows; ``key`` is the id, or stands for one that the creation will answer."""

    key: str


Named: TypeAlias = Known | str
"""A person, or a value that names nobody yet and is sent as it stands."""


@dataclass(frozen=True, slots=True)
class CreateUser:
    """Provision a person who is new; ``key`` stands for the id until it is known."""

    place: Place
    key: str
    name: str
    external_id: str | None
    document: bytes


@dataclass(frozen=True, slots=True)
class ChangeUser:
    """Write the attributes that differ: ``document`` holds those with a value, ``cleared`` the paths of the others."""

    place: Place
    key: str
    name: str
    document: bytes
    cleared: tuple[str, ...]
    changed: tuple[str, ...]
    lists_in_part: bool


@dataclass(frozen=True, slots=True)
class DeactivateUser:
    """Deactivate somebody whom the snapshot does not hold."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class CreateGroup:
    """Make a group without members; ``key`` stands for the id until it is known."""

    place: Place
    key: str
    name: str
    external_id: str | None


@dataclass(frozen=True, slots=True)
class ChangeGroup:
    """Give a group another displayName or externalId: the texts that differ."""

    place: Place
    key: str
    name: str
    changed: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class AddMembers:
    """Add members to a group, a thousand at most."""

    key: str
    name: str
    members: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class RemoveMembers:
    """Remove members of a group, a thousand at most."""

    key: str
    name: str
    members: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class SetManager:
    """Give a person a manager; ``None`` for nobody."""

    place: Place
    key: str
    name: str
    manager: Named | None


UserStep: TypeAlias = CreateUser | ChangeUser | DeactivateUser
GroupStep: TypeAlias = CreateGroup | ChangeGroup
MembersStep: TypeAlias = AddMembers | RemoveMembers
Step: TypeAlias = UserStep | GroupStep | MembersStep | SetManager
