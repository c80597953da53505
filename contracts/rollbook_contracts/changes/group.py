"""Changes of groups and of their members, as LMS consumers receive them on stream CHANGES."""

from rollbook_contracts.changes.resource import ResourceChange


class GroupChange(ResourceChange, frozen=True):
    """What happened to a group."""


class GroupCreated(GroupChange, frozen=True):
    """A group is new in the LMS tables."""


class GroupUpdated(GroupChange, frozen=True):
    """A group's attributes changed."""


class GroupDeleted(GroupChange, frozen=True):
    """A group is gone from the LMS tables, and all of its memberships with it."""


class GroupMembersAdded(GroupChange, frozen=True, kw_only=True):
    """People became members: their ids, sorted, a thousand at most; more come in further changes."""

    members: tuple[str, ...]


class GroupMembersRemoved(GroupChange, frozen=True, kw_only=True):
    """People are no longer members: their ids, sorted, a thousand at most; more come in further changes."""

    members: tuple[str, ...]
