"""What conversations of identity providers share: one tenant, its lookups, and what the tables show at the end."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

from support.product import Product, tenant_name
from support.scim import Reply, Scim

REGIONS, DEPARTMENTS = ("US-East", "EMEA"), ("Sales", "Support")


@dataclass(frozen=True, slots=True)
class Tables:
    """The tenant's part of the tables; people by userName, the groups' members as userNames."""

    users: dict[str, dict[str, Any]]
    groups: dict[str, set[str]]

    def column(self, name: str) -> dict[str, Any]:
        """Return one column of everybody."""
        return {user_name: row[name] for user_name, row in self.users.items()}


@dataclass(frozen=True, slots=True)
class Conversation:
    """A tenant that one provider talks to."""

    product: Product
    scim: Scim

    async def looked_up(self, kind: str, condition: str, extra: str = "") -> list[str]:
        """Return the ids of a list with a filter that is escaped as Entra escapes."""
        reply = await self.scim.get(f"/{kind}?{extra}filter={quote_plus(condition)}")
        assert reply.status == 200, reply
        return [found["id"] for found in reply.body["Resources"]]

    async def shown(self, kind: str, resource_id: str) -> dict[str, Any]:
        """Return a resource as GET shows it."""
        body: dict[str, Any] = body_of(await self.scim.get(f"/{kind}/{resource_id}"), 200)
        return body

    async def tables(self) -> Tables:
        """Return what the tables hold once they show every write that was answered."""
        await self.product.until(lambda: self.scim.get("/Users?count=0"), lambda reply: reply.status == 200)
        database = self.product.database
        tenant = await database.fetchval("SELECT tenant FROM control.tenants WHERE name = $1", tenant_name(self.scim))
        users = await database.fetch("SELECT * FROM lms.users WHERE tenant = $1", tenant)
        names = {row["id"]: row["user_name"] for row in users}
        groups = await database.fetch("SELECT id, display_name FROM lms.groups WHERE tenant = $1", tenant)
        members = await database.fetch("SELECT group_id, user_id FROM lms.group_members WHERE tenant = $1", tenant)
        of_groups: dict[str, set[str]] = {row["id"]: set() for row in groups}
        for row in members:
            of_groups[row["group_id"]].add(names[row["user_id"]])
        return Tables(
            {row["user_name"]: dict(row) for row in users},
            {row["display_name"]: of_groups[row["id"]] for row in groups},
        )


async def conversation(product: Product, **settings: Any) -> Conversation:
    """Begin with a new tenant, of the usual allowed values unless it says otherwise."""
    rules = {"regions": REGIONS, "departments": DEPARTMENTS, **settings}
    return Conversation(product, await product.new_tenant(**rules))


def body_of(reply: Reply, status: int) -> Any:
    """Return the body of an answer that has to have a status."""
    assert reply.status == status, reply
    return reply.body
