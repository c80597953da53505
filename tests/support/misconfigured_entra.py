"""An Entra tenant that was set up wrongly, and is put right step by step: the story of the runbook of that name."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote_plus

from rollbook_contracts.urns import ENTERPRISE, ILMS, USER
from support.scim import Reply, Scim

REGIONS, DEPARTMENTS = ("US-East", "EMEA"), ("Sales", "Engineering")
PROBE = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
ENTRA = {"User-Agent": ""}
"""Entra has been seen without a User-Agent."""


class MisconfiguredEntra:
    """Entra with two people in scope; what its mappings send changes as the administrator mends them.

    ``department_name`` is how the administrator typed the target attribute, ``region`` a constant, if it is mapped.
    """

    def __init__(self, scim: Scim) -> None:
        self._scim = scim
        self.region: str | None = None
        self.department_name = "departnment"
        self.departments = {"ada": "Sales", "ben": "Marketing"}
        self.sent = 0
        self._ids: dict[str, str] = {}

    def story(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        """Return what happens before each chapter of the runbook."""
        return self.set_up, self.region_mapped, self.department_mended

    async def set_up(self) -> None:
        """Nobody arrives: there is no mapping for the region."""
        await self._find(PROBE)
        await self._cycle()

    async def region_mapped(self) -> None:
        """Those arrive whose department is allowed."""
        self.region = "EMEA"
        await self._cycle()

    async def department_mended(self) -> None:
        """Ben works in Sales, and the target attribute has its right name."""
        self.department_name, self.departments["ben"] = "department", "Sales"
        await self._cycle()

    async def _cycle(self) -> None:
        """Look for each person that is not known yet, and create whoever is not there."""
        for name in self.departments:
            if name not in self._ids:
                await self._find(f"{name}@contoso.com")
                reply = await self._send("POST", "/Users", self._body(name))
                if reply.status == 201:
                    self._ids[name] = reply.body["id"]

    async def _find(self, user_name: str) -> Reply:
        return await self._send("GET", f"/Users?filter=userName+eq+%22{quote_plus(user_name)}%22")

    async def _send(self, method: str, path: str, body: Any = None) -> Reply:
        self.sent += 1
        return await self._scim.send(method, path, body, headers=ENTRA)

    def _body(self, name: str) -> dict[str, Any]:
        extension = {ILMS: {"region": self.region}} if self.region is not None else {}
        return {
            "schemas": [USER, ENTERPRISE],
            "externalId": name,
            "userName": f"{name}@contoso.com",
            "active": True,
            "displayName": name.capitalize(),
            "emails": [{"primary": True, "type": "work", "value": f"{name}@contoso.com"}],
            "meta": {"resourceType": "User"},
            "name": {"givenName": name.capitalize(), "familyName": "Byron"},
            ENTERPRISE: {self.department_name: self.departments[name]},
            **extension,
        }
