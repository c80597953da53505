"""A tenant's settings, as its facts carry them and the gateway decides by them."""

from typing import Literal

import msgspec

from rollbook_contracts.urns import ENTERPRISE, ILMS

UniqueIdentifier = Literal["email", "employee-id"]


class CustomField(msgspec.Struct, frozen=True):
    """A custom field that the organization uses: 1 to 4, and what it calls it."""

    number: int
    label: str


class RateLimit(msgspec.Struct, frozen=True, rename="camel"):
    """How many requests of an organization each gateway takes: so many a second, so many at once after a pause."""

    requests_per_second: int
    burst: int


class TenantSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=False, rename="camel"):
    """The rules of one organization; an empty tuple of allowed values means that any value is allowed.

    While the unique identifier is changed, ``next_unique_identifier`` is claimed beside the one in force, and becomes
    it when everybody has its claim; then the claims of ``former_unique_identifier`` are released.
    """

    regions: tuple[str, ...] = ()
    divisions: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    default_region: str | None = None
    unique_identifier: UniqueIdentifier = "email"
    next_unique_identifier: UniqueIdentifier | msgspec.UnsetType = msgspec.UNSET
    former_unique_identifier: UniqueIdentifier | msgspec.UnsetType = msgspec.UNSET
    custom_fields: tuple[CustomField, ...] | msgspec.UnsetType = msgspec.UNSET
    """Left out where there are none, as the two above: settings without them are written as before there were any."""

    rate_limit: RateLimit | msgspec.UnsetType = msgspec.UNSET
    """Left out where there is none: settings without it are written as before there were any."""

    @property
    def claimed_identifiers(self) -> tuple[UniqueIdentifier, ...]:
        """What makes people unique: each person with a value claims it."""
        if self.next_unique_identifier:
            return (self.unique_identifier, self.next_unique_identifier)
        return (self.unique_identifier,)

    @property
    def allowed_values(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """The attributes that have rules: schema, name, allowed values."""
        return (
            (ILMS, "region", self.regions),
            (ENTERPRISE, "division", self.divisions),
            (ENTERPRISE, "department", self.departments),
        )
