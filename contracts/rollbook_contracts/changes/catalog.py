"""The catalog of changes: wire type and version → class."""

from types import MappingProxyType
from typing import Final

from rollbook_contracts.changes.group import (
    GroupCreated,
    GroupDeleted,
    GroupMembersAdded,
    GroupMembersRemoved,
    GroupUpdated,
)
from rollbook_contracts.changes.resource import ResourceChange
from rollbook_contracts.changes.user import (
    UserCreated,
    UserDeactivated,
    UserDeleted,
    UserManagerAssigned,
    UserManagerUnassigned,
    UserReactivated,
    UserUpdated,
)

CHANGES: Final = MappingProxyType[str, type[ResourceChange]](
    {
        "user.created.v1": UserCreated,
        "user.updated.v1": UserUpdated,
        "user.deactivated.v1": UserDeactivated,
        "user.reactivated.v1": UserReactivated,
        "user.deleted.v1": UserDeleted,
        "user.manager_assigned.v1": UserManagerAssigned,
        "user.manager_unassigned.v1": UserManagerUnassigned,
        "group.created.v1": GroupCreated,
        "group.updated.v1": GroupUpdated,
        "group.deleted.v1": GroupDeleted,
        "group.members_added.v1": GroupMembersAdded,
        "group.members_removed.v1": GroupMembersRemoved,
    },
)
