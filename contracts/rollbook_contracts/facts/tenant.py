"""Facts of tenants: each carries the tenant's whole state after it."""

import msgspec

from rollbook_contracts.settings import TenantSettings


class TenantFact(msgspec.Struct, frozen=True):
    """A tenant after an operator's decision: its id, the name in its Tenant URL, whether it is enabled, its rules."""

    id: str
    name: str
    enabled: bool
    settings: TenantSettings


class TenantCreated(TenantFact, frozen=True):
    """An organization got its Tenant URL."""


class TenantSettingsChanged(TenantFact, frozen=True):
    """An organization's rules changed."""


class TenantEnabled(TenantFact, frozen=True):
    """An organization's tokens work again."""


class TenantDisabled(TenantFact, frozen=True):
    """An organization's tokens stopped working; its people stay."""
