"""A tenant's settings, as its facts carry them and the gateway decides by them."""

from typing import Literal

import msgspec

from rollbook_contracts.urns import ENTERPRISE, ILMS

UniqueIdentifier = Literal["email", "employee-id"]


class TenantSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=False, rename="camel"):
    """The rules of one organization; an empty tuple of allowed values means that any value is allowed."""

    regions: tuple[str, ...] = ()
    divisions: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    default_region: str | None = None
    unique_identifier: UniqueIdentifier = "email"

    @property
    def allowed_values(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """The attributes that have rules: schema, name, allowed values."""
        return (
            (ILMS, "region", self.regions),
            (ENTERPRISE, "division", self.divisions),
            (ENTERPRISE, "department", self.departments),
        )
