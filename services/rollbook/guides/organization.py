"""One organization as its setup guides describe it, and the passages that both providers' guides share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rollbook.guides.markdown import bullets, code, plain
from rollbook_contracts.settings import TenantSettings
from rollbook_contracts.urns import ILMS

TOKEN_PLACE: Final = "<token>"  # noqa: S105  # it stands where the token goes
IDENTIFIER_NAMES: Final[Mapping[str, str]] = {"email": "the e-mail address", "employee-id": "the employee number"}


@dataclass(frozen=True, slots=True)
class KnownToken:
    """A token that the organization has already: how to tell it from others, never its secret."""

    key_id: str
    label: str


@dataclass(frozen=True, slots=True)
class Organization:
    """What a guide is filled in with; ``token`` is one that was issued for it."""

    name: str
    tenant_url: str
    settings: TenantSettings
    token: str | None = None
    known_tokens: Sequence[KnownToken] | None = None

    @property
    def custom_fields(self) -> Sequence[tuple[str, str]]:
        """The attributes of the custom fields in use, with their labels."""
        return [(f"customField{custom.number}", custom.label) for custom in self.settings.custom_fields or ()]

    def constant(self, values: tuple[str, ...]) -> str:
        """Return an example of a value that is allowed."""
        return code(values[0]) if values else "any text"

    def passages(self) -> dict[str, str]:
        """Return what both guides say of the organization."""
        return {
            "name": plain(self.name),
            "tenant": self.name,
            "tenant_url": code(self.tenant_url),
            "plain_tenant_url": self.tenant_url,
            "token": code(self.token or TOKEN_PLACE),
            "plain_token": self.token or TOKEN_PLACE,
            "token_note": self._token_note(),
            "address_note": self._address_note(),
            "allowed_values": self._allowed_values(),
            "region_note": self._region_note(),
            "identifier": IDENTIFIER_NAMES[self.settings.unique_identifier],
            "ilms": ILMS,
        }

    def _token_note(self) -> str:
        if self.token is not None:
            return (
                "The token above was issued for this page and is shown nowhere else: treat the page as the secret it "
                "holds, and delete it when the token is in place."
            )
        note = (
            f"{code(TOKEN_PLACE)} stands for the organization's token, which begins with {code('rb_')}. Rollbook keeps "
            "no token that it could show again. A new one comes from "
            f"{code(f'rollbook token issue --tenant {self.name}')}."
        )
        if self.known_tokens is None:
            return note
        if not self.known_tokens:
            return f"{note} {plain(self.name)} has none yet."
        known = bullets(
            f"{code(token.key_id)}{f', {plain(token.label)}' if token.label else ''}" for token in self.known_tokens
        )
        return f"{note} These are in use, by the part behind {code('rb_')}:\n\n{known}"

    def _address_note(self) -> str:
        if self.tenant_url.startswith("https://"):
            return "The provider must be able to reach this address from the public internet."
        return (
            "**This address is not one that a provider in the cloud can use.** It has to be public and begin with "
            f"{code('https://')}: put a proxy with TLS before the gateway, set {code('ROLLBOOK_PUBLIC_URL')} to its "
            "address for gateway and command line, and print this guide again."
        )

    def _allowed_values(self) -> str:
        described = []
        for _, name, values in self.settings.allowed_values:
            if values:
                described.append(f"**{name}**: one of\n\n{bullets(code(value) for value in values)}")
            else:
                described.append(f"**{name}**: any value")
        return "\n\n".join(described)

    def _region_note(self) -> str:
        default = self.settings.default_region
        if default is None:
            return "Everybody needs a region. A person who is sent without one is refused."
        return f"A person who is sent without a region gets {code(default)}, so this mapping may be left out."
