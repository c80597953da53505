"""The catalog of changes: wire type and version → class."""

from types import MappingProxyType
from typing import Final

from rollbook_contracts.changes.user import (
    UserChange,
    UserCreated,
    UserDeactivated,
    UserDeleted,
    UserReactivated,
    UserUpdated,
)

CHANGES: Final = MappingProxyType[str, type[UserChange]](
    {
        "user.created.v1": UserCreated,
        "user.updated.v1": UserUpdated,
        "user.deactivated.v1": UserDeactivated,
        "user.reactivated.v1": UserReactivated,
        "user.deleted.v1": UserDeleted,
    },
)
