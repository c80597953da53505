"""The SCIM models: the library's User with the enterprise extension and the LMS's own, and a group of users."""

from datetime import datetime
from functools import cache
from typing import Annotated, Any

from scim2_models import URN, ComplexAttribute, EnterpriseUser, Extension, Mutability, Required, User
from scim2_models import Group as StandardGroup
from scim2_models.resources.group import GroupMember as StandardGroupMember

from rollbook_contracts.urns import GROUP, ILMS


class LearningManager(ComplexAttribute):
    id: str | None = None
    """SCIM id of the manager."""

    display_name: str | None = None
    """Name of the manager, as the identity provider has it."""

    email: str | None = None
    """E-mail address of the manager; some providers send a name here, so it is not checked."""


class ILMSUser(Extension):
    """Attributes of a learner."""

    __schema__ = URN(ILMS)

    region: Annotated[str | None, Required.true] = None
    """Region; one of those that the organization has set up."""

    hire_date: datetime | None = None
    """Hire date; returned as it was sent."""

    custom_field1: str | None = None
    """Custom field 1."""

    custom_field2: str | None = None
    """Custom field 2."""

    custom_field3: str | None = None
    """Custom field 3."""

    custom_field4: str | None = None
    """Custom field 4."""

    manager: LearningManager | None = None
    """The person's manager."""


class GroupMember(StandardGroupMember):
    display: Annotated[str | None, Mutability.read_only] = None
    """Name of the user."""


class Group(StandardGroup):
    """A group of users."""

    __schema__ = URN(GROUP)

    members: list[GroupMember] | None = None  # type: ignore[assignment]  # the same, but for what is read-only
    """The users of the group; groups in groups are not supported."""


@cache
def user_model() -> type[User[Any]]:
    """Return the model of a person with both extensions; it is the oracle of the tests and describes the schemas."""
    model: type[User[Any]] = User[EnterpriseUser | ILMSUser]
    return model


def group_model() -> type[Group]:
    """Return the model of a group."""
    return Group
