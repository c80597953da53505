"""Changes of users, as LMS consumers receive them on stream CHANGES; versioned apart from the facts."""

from rollbook_contracts.changes.resource import ResourceChange


class UserChange(ResourceChange, frozen=True):
    """What happened to a person."""


class UserCreated(UserChange, frozen=True):
    """A person is new in the LMS tables."""


class UserUpdated(UserChange, frozen=True):
    """A person's attributes changed."""


class UserDeactivated(UserChange, frozen=True):
    """A person became inactive."""


class UserReactivated(UserChange, frozen=True):
    """A person became active again."""


class UserDeleted(UserChange, frozen=True):
    """A person is gone from the LMS tables."""


class UserManagerAssigned(UserChange, frozen=True, kw_only=True):
    """A person's manager is somebody in the LMS tables: ``manager`` is the id."""

    manager: str


class UserManagerUnassigned(UserChange, frozen=True, kw_only=True):
    """Somebody is no longer a person's manager: ``manager`` is the id."""

    manager: str
