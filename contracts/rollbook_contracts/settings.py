"""A tenant's settings, as its facts carry them and the gateway decides by them."""

from typing import Literal

import msgspec

from rollbook_contracts.urns import ENTERPRISE, ILMS

UniqueIdentifier = Literal["email", "employee-id"]


class RateLimit(msgspec.Struct, frozen=True, rename="camel"):
    """How many requests of an organization each gateway takes: so many a second, so many at once after a pause."""

    requests_per_second: int
    burst: int


class TenantSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=False, rename="camel"):
    """The rules of one organization; an empty tuple of allowed values means that any value is allowed."""

    regions: tuple[str, ...] = ()
    divisions: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    default_region: str | None = None
    unique_identifier: UniqueIdentifier = "email"
    rate_limit: RateLimit | msgspec.UnsetType = msgspec.UNSET
    """Left out where there is none: settings without it read and write as they did before there were any."""

    @property
    def allowed_values(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """The attributes that have rules: schema, name, allowed values."""
        return (
            (ILMS, "region", self.regions),
            (ENTERPRISE, "division", self.divisions),
            (ENTERPRISE, "department", self.departments),
        )
