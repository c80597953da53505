"""The sequential pass's last step: from a resource's state before and after a fact to the changes that follow."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from rollbook_contracts.changes.catalog import CHANGES
from rollbook_contracts.changes.envelope import ChangeKey
from rollbook_contracts.changes.group import (
    GroupChange,
    GroupCreated,
    GroupDeleted,
    GroupMembersAdded,
    GroupMembersRemoved,
    GroupUpdated,
)
from rollbook_contracts.changes.resource import ResourceChange
from rollbook_contracts.changes.user import (
    UserChange,
    UserCreated,
    UserDeactivated,
    UserDeleted,
    UserManagerAssigned,
    UserManagerUnassigned,
    UserReactivated,
    UserUpdated,
)
from rollbook_contracts.facts.system import Correction
from rollbook_projector.recorded import Recorded
from rollbook_projector.references.book import Effect, What
from rollbook_projector.references.people import Keys

_WIRE_TYPES: Final[Mapping[type[ResourceChange], str]] = MappingProxyType(
    {change: wire_type for wire_type, change in CHANGES.items()}
)
_ENCODER: Final = msgspec.json.Encoder()


class UserState(NamedTuple):
    """What the pass must know of a person.

    The last fact, whether active, the last change that consumers got, the manager, and what the person is found by.
    """

    fact_seq: int
    active: bool
    last_change: str
    manager_id: str | None = None
    keys: Keys | None = None


class GroupState(NamedTuple):
    """What the pass must know of a group.

    The last facts of head and members, the last change that consumers got, and the last fact, with its time, that
    changed what is shown of the members: whose fact that was does not matter.
    """

    fact_seq: int
    members_seq: int
    members_modified: str | None
    last_change: str
    shown_seq: int = 0
    shown_modified: str | None = None


class Cause(NamedTuple):
    """The fact that an effect belongs to: its own, or the decision by which a parked fact was applied after all."""

    key: ChangeKey
    time: str
    request_id: str

    @classmethod
    def of(cls, recorded: Recorded, *, epoch: int, partition: int) -> "Cause":
        """Return a fact as the cause of its own effects."""
        return cls(ChangeKey(epoch, partition, recorded.sequence, 0), recorded.time, recorded.request_id)

    def after(self, changes: int) -> "Cause":
        """Return the same cause for its next effect, after it made so many changes."""
        return self._replace(key=self.key._replace(ordinal=self.key.ordinal + changes)) if changes else self


class OutboxRow(NamedTuple):
    """A row of ``provisioning.outbox``, in the order of its columns."""

    epoch: int
    partition: int
    seq: int
    ordinal: int
    type: str
    tenant: str
    resource: str
    time: str
    request_id: str
    body: str


def user_change(
    before: UserState | None, after: UserState | None, recorded: Recorded, cause: Cause
) -> OutboxRow | None:
    """Return what happened to a person; ``None`` where there was nobody before and is nobody after."""
    return _change(_user_change_type(before, after), before, after, recorded, cause)


def group_change(
    before: GroupState | None, after: GroupState | None, recorded: Recorded, cause: Cause
) -> OutboxRow | None:
    """Return what happened to a group; ``None`` where there was none before and is none after."""
    return _change(_group_change_type(before, after), before, after, recorded, cause)


def effect_change(effect: Effect, tenant: str, previous: str, cause: Cause) -> OutboxRow:
    """Return what a link that was made or undone means to those who follow its group or person."""
    tenant_id_version = (tenant, effect.resource, str(cause.key))
    change: ResourceChange
    match effect.what:
        case What.MEMBERS_REMOVED:
            change = GroupMembersRemoved(*tenant_id_version, previous=previous, members=effect.people)
        case What.MEMBERS_ADDED:
            change = GroupMembersAdded(*tenant_id_version, previous=previous, members=effect.people)
        case What.MANAGER_UNASSIGNED:
            change = UserManagerUnassigned(*tenant_id_version, previous=previous, manager=effect.people[0])
        case What.MANAGER_ASSIGNED:
            change = UserManagerAssigned(*tenant_id_version, previous=previous, manager=effect.people[0])
    return _row(change, cause)


def correcting_change(correction: Correction, previous: str | None, cause: Cause) -> OutboxRow:
    """Return a correction as the change that consumers get."""
    change_type = CHANGES[correction.type]
    links: dict[str, Any] = {}
    if issubclass(change_type, GroupMembersAdded | GroupMembersRemoved):
        links["members"] = correction.people
    elif issubclass(change_type, UserManagerAssigned | UserManagerUnassigned):
        links["manager"] = correction.people[0]
    change = change_type(
        tenant=correction.tenant,
        id=correction.id,
        version=str(cause.key),
        previous=previous,
        changed=correction.changed,
        **links,
    )
    return _row(change, cause)


def _change(
    change_type: type[ResourceChange] | None,
    before: UserState | GroupState | None,
    after: UserState | GroupState | None,
    recorded: Recorded,
    cause: Cause,
) -> OutboxRow | None:
    if change_type is None:
        return None
    change = change_type(
        tenant=recorded.tenant,
        id=recorded.resource,
        version=str(cause.key),
        previous=before.last_change if before else None,
        changed=getattr(recorded.fact, "changed", ()) if before and after else (),
    )
    return _row(change, cause)


def _row(change: ResourceChange, cause: Cause) -> OutboxRow:
    body = _ENCODER.encode(change).decode()
    wire_type = _WIRE_TYPES[type(change)]
    return OutboxRow(*cause.key, wire_type, change.tenant, change.id, cause.time, cause.request_id, body)


def _user_change_type(before: UserState | None, after: UserState | None) -> type[UserChange] | None:
    match before, after:
        case None, None:
            return None
        case None, _:
            return UserCreated
        case _, None:
            return UserDeleted
        case UserState(active=True), UserState(active=False):
            return UserDeactivated
        case UserState(active=False), UserState(active=True):
            return UserReactivated
    return UserUpdated


def _group_change_type(before: GroupState | None, after: GroupState | None) -> type[GroupChange] | None:
    match before, after:
        case None, None:
            return None
        case None, _:
            return GroupCreated
        case _, None:
            return GroupDeleted
    return GroupUpdated
