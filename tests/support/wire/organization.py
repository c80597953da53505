"""The world of one case: an organization of its own, who is there before, what is sent, what the tables have."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec

from rollbook.control import tokens
from rollbook_contracts.partitions import partition_of
from rollbook_gateway.admission.tokens import new_token
from support.product import Product, tenant_name
from support.scim import Reply, Scim
from support.wire.cases import Case, filled

REGIONS, DIVISIONS, DEPARTMENTS = ("US-East", "EMEA"), ("Field",), ("Sales",)
"""What the checklist's bodies take for preconfigured."""


@dataclass(frozen=True, slots=True)
class Stub:
    """An address that answers everything alike: the case's own requests, or also what it prepares.

    Then nothing reaches the product, and one ``tenant`` will do for all cases.
    """

    url: str
    tenant: Scim | None = None


@dataclass(frozen=True, slots=True)
class Wire:
    """What a check is given: its case and the product; with a stub the provider's requests go there instead."""

    case: Case
    product: Product
    stub: Stub | None = None

    async def organization(self, **settings: Any) -> "Organization":
        """Return a new organization with the checklist's allowed values, and whatever else is set."""
        allowed = {"regions": REGIONS, "divisions": DIVISIONS, "departments": DEPARTMENTS}
        real = self.stub.tenant if self.stub is not None else None
        if real is None:
            real = await self.product.new_tenant(**{**allowed, **settings})
        if self.stub is None:
            return Organization(self.product, real, real, real)
        idp = Scim(self.product.session, f"{self.stub.url}/scim/{tenant_name(real)}/v2", real.token)
        return Organization(self.product, real, real if self.stub.tenant is None else idp, idp)

    def body(self, **names: str) -> Any:
        """Return the case's body; ``names`` are what the names in braces stand for."""
        return filled(self.case.body, names)

    def path(self, **names: str) -> str:
        """Return the address of a case that is a GET and nothing else."""
        method, path = filled(self.case.request, {name.replace("_", "-"): text for name, text in names.items()}).split(
            " ", 1
        )
        assert method == "GET"
        return str(path)


@dataclass(frozen=True, slots=True)
class Organization:
    """A tenant: ``before`` makes who is there before the case, ``idp`` sends what the case is about."""

    product: Product
    real: Scim
    before: Scim
    idp: Scim

    async def read(self, resource: dict[str, Any], kind: str = "Users", *, without: str = "") -> dict[str, Any]:
        """Return a person or a group as GET shows it, ``without`` some attributes."""
        query = f"?excludedAttributes={without}" if without else ""
        reply = await self.idp.get(f"/{kind}/{resource['id']}{query}")
        assert reply.status == 200, reply
        found: dict[str, Any] = reply.body
        return found

    async def rows(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """Return what the tables hold once they show every write that was answered; ``$1`` is the tenant's id."""
        await self.product.until(lambda: self.real.get("/Users?count=0"), lambda reply: reply.status == 200, within=30)
        return list(await self.product.database.fetch(query, await self._id(), *arguments))

    async def row(self, user: dict[str, Any]) -> asyncpg.Record:
        """Return a person's row."""
        [row] = await self.rows("SELECT * FROM lms.users WHERE tenant = $1 AND id = $2", user["id"])
        return row

    async def members(self, group: dict[str, Any]) -> set[str]:
        """Return the ids of a group's members in the tables."""
        query = "SELECT user_id FROM lms.group_members WHERE tenant = $1 AND group_id = $2"
        return {row["user_id"] for row in await self.rows(query, group["id"])}

    async def waiting(self, holder: dict[str, Any]) -> set[str]:
        """Return the references of a group or a person that name nobody yet."""
        query = "SELECT value FROM lms.sent_references WHERE tenant = $1 AND holder_id = $2 AND user_id IS NULL"
        return {row["value"] for row in await self.rows(query, holder["id"])}

    async def predecessor(self, version: int) -> int:
        """Return the version that the fact of a version follows on."""
        partition = partition_of(await self._id(), self.product.partitions)
        stored = await self.product.log.at(partition, version)
        assert stored is not None
        return int(stored.headers["ce-prev"])

    async def group(self, name: str, *members: dict[str, Any]) -> dict[str, Any]:
        """Return a new group that is there before the case."""
        body = {"displayName": name, "members": [{"value": member["id"]} for member in members]}
        reply = await self.before.post("/Groups", body)
        assert reply.status == 201, reply
        created: dict[str, Any] = reply.body
        return created

    async def people(self, *bodies: Any) -> list[dict[str, Any]]:
        """Return new people who are there before the case."""
        return list(await asyncio.gather(*(self.before.created(body) for body in bodies)))

    async def regenerated(self) -> "Organization":
        """End the organization's token and return the organization with another."""
        now = datetime.now(UTC)
        token = new_token()
        key_id = self.real.token.split("_")[1]
        await tokens.issue(self.product.database, await self._id(), token, label="regenerated", now=now)
        await tokens.revoke(self.product.database, key_id, now=now)
        return Organization(
            self.product, *(self._with(scim, str(token)) for scim in (self.real, self.before, self.idp))
        )

    async def set(self, **settings: Any) -> None:
        """Change the organization's rules."""
        name = tenant_name(self.real)
        await self.product.tenants().set(name, lambda old: msgspec.structs.replace(old, **settings))

    async def sent(self, path: str, **headers: str) -> Reply:
        """Send a GET with exactly these headers beside those that every client sends."""
        return await self.idp.send("GET", path, headers=headers)

    async def _id(self) -> str:
        found = await self.product.database.fetchval(
            "SELECT tenant FROM control.tenants WHERE name = $1", tenant_name(self.real)
        )
        assert isinstance(found, str)
        return found

    def _with(self, scim: Scim, token: str) -> Scim:
        return Scim(self.product.session, scim.tenant_url, token)
