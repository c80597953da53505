"""The sequential pass's last step: from a person's state before and after a fact to the change that consumers get."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from rollbook_contracts.changes.catalog import CHANGES
from rollbook_contracts.changes.envelope import ChangeKey
from rollbook_contracts.changes.resource import ResourceChange
from rollbook_contracts.changes.user import (
    UserChange,
    UserCreated,
    UserDeactivated,
    UserDeleted,
    UserReactivated,
    UserUpdated,
)
from rollbook_projector.recorded import Recorded

_WIRE_TYPES: Final[Mapping[type[ResourceChange], str]] = MappingProxyType(
    {change: wire_type for wire_type, change in CHANGES.items()}
)
_ENCODER: Final = msgspec.json.Encoder()


class UserState(NamedTuple):
    """What the pass must know of a person: the last fact, whether active, and the last change that consumers got."""

    fact_seq: int
    active: bool
    last_change: str


class Cause(NamedTuple):
    """The fact that an effect belongs to: its own, or the decision by which a parked fact was applied after all."""

    key: ChangeKey
    time: str
    request_id: str

    @classmethod
    def of(cls, recorded: Recorded, *, epoch: int, partition: int) -> "Cause":
        """Return a fact as the cause of its own effects."""
        return cls(ChangeKey(epoch, partition, recorded.sequence, 0), recorded.time, recorded.request_id)

    def following(self) -> "Cause":
        """Return the same cause for its next effect."""
        return self._replace(key=self.key._replace(ordinal=self.key.ordinal + 1))


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
    change_type = _change_type(before, after)
    if change_type is None:
        return None
    change = change_type(
        tenant=recorded.tenant,
        id=recorded.resource,
        version=str(cause.key),
        previous=before.last_change if before else None,
        changed=getattr(recorded.fact, "changed", ()) if before and after else (),
    )
    wire_type = _WIRE_TYPES[change_type]
    body = _ENCODER.encode(change).decode()
    return OutboxRow(*cause.key, wire_type, recorded.tenant, recorded.resource, cause.time, cause.request_id, body)


def _change_type(before: UserState | None, after: UserState | None) -> type[UserChange] | None:
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
