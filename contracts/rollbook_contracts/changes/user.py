"""Changes of users, as LMS consumers receive them on stream CHANGES; versioned apart from the facts."""

import msgspec


class UserChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """What happened to a person: ids and attribute names, no values (a consumer reads those where it is allowed to).

    ``version`` rises with each change of the person and equals the change's id; ``previous`` is the version before, so
    that a gap shows; ``changed`` holds the names of the attributes that differ, sorted.
    """

    tenant: str
    id: str
    version: str
    previous: str | None = None
    changed: tuple[str, ...] = ()


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
