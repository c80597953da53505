"""Renders a setup guide: the provider's page with the organization's passages; pure but for reading the page."""

from collections.abc import Callable, Mapping
from importlib.resources import files
from string import Template
from types import MappingProxyType
from typing import Final

from rollbook.guides import entra, okta
from rollbook.guides.organization import Organization

PROVIDERS: Final[Mapping[str, Callable[[Organization], dict[str, str]]]] = MappingProxyType(
    {"entra": entra.passages, "okta": okta.passages}
)


def render(provider: str, organization: Organization) -> str:
    """Return the guide for one of ``PROVIDERS`` as Markdown."""
    page = files("rollbook.guides").joinpath(f"{provider}.md").read_text(encoding="utf-8")
    return Template(page).substitute(organization.passages() | PROVIDERS[provider](organization))
