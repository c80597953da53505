"""Conversations of providers, and what `rollbook log` and `rollbook cycles` tell of them."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from rollbook.control import tokens
from rollbook.control.tokens import Terms
from rollbook_contracts.urns import ENTERPRISE, GROUP, ILMS, USER
from rollbook_gateway.admission.tokens import new_token
from support.commands import lines, rollbook, started
from support.people import ada, jo
from support.product import Product, tenant_name
from support.scim import Reply, Scim

OKTA = {"User-Agent": "Okta SCIM Client 1.0.0"}
ENTRA = {"User-Agent": ""}
MISSPELT = "urn:ietf:params:scim:schemas:extension:ilms:20:User"

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def scim(product: Product) -> Scim:
    """Lend a tenant of its own."""
    return await product.new_tenant(regions=("US-East", "EMEA"), departments=("Sales",))


async def logged(product: Product, scim: Scim, *arguments: str) -> list[dict[str, Any]]:
    """Return what `rollbook log` tells of a tenant."""
    return await lines(product, "log", "--tenant", tenant_name(scim), *arguments)


async def recorded(product: Product, scim: Scim, count: int) -> None:
    """Wait until the table has so many requests of a tenant."""
    query = "SELECT count(*) FROM provisioning.requests JOIN control.tenants USING (tenant) WHERE name = $1"
    async with asyncio.timeout(30):
        while await product.database.fetchval(query, tenant_name(scim)) < count:  # noqa: ASYNC110  # another process's table
            await asyncio.sleep(0.02)


def failures_of(cycle: dict[str, Any]) -> list[dict[str, Any]]:
    failures: list[dict[str, Any]] = cycle["failures"]
    return failures


def told(entry: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(entry[name] for name in names)


async def test_an_okta_conversation(product: Product, scim: Scim) -> None:
    """Look, create, change, deactivate, delete: each request is an entry with what became of it."""

    async def send(method: str, path: str, body: Any = None) -> Reply:
        return await scim.send(method, path, body, headers=OKTA)

    body = {**jo(title=""), MISSPELT: {"region": "EMEA", "hireDate": "2026-08-07"}}
    del body[ILMS]
    await send("GET", "/Users?filter=userName%20eq%20%22jo@okta.local%22&startIndex=1&count=100")
    created = await send("POST", "/Users", body)
    assert created.status == 201, created
    user_id = created.body["id"]
    await send("PUT", f"/Users/{user_id}", {**created.body, "title": "Boss"})
    await send("PUT", f"/Users/{user_id}", {**created.body, "title": "Boss"})
    off = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}
    await send("PATCH", f"/Users/{user_id}", {**off, "Operations": [{"op": "replace", "value": {"active": False}}]})
    await send("DELETE", f"/Users/{user_id}")
    await send("DELETE", f"/Users/{user_id}")

    await recorded(product, scim, 7)
    found = await logged(product, scim)
    assert [told(entry, "method", "outcome", "status") for entry in found] == [
        ("GET", "read", 200),
        ("POST", "created", 201),
        ("PUT", "updated", 200),
        ("PUT", "unchanged", 200),
        ("PATCH", "deactivated", 200),
        ("DELETE", "deleted", 204),
        ("DELETE", "refused", 404),
    ]
    assert {entry["provider"] for entry in found} == {"okta"}
    assert {entry["tenant_name"] for entry in found} == {tenant_name(scim)}
    assert {entry["token_label"] for entry in found} == {"test"}
    assert [entry["resource_name"] for entry in found] == ["jo@okta.local"] * 6 + [""]
    assert [entry["resource_id"] for entry in found] == ["", *[user_id] * 6]
    assert [entry["changed"] for entry in found] == [[], [], ["title"], [], ["active"], [], []]
    assert found[1]["notes"] == [
        '"title" was sent empty and read as absent',
        f'"{MISSPELT}" was read as "{ILMS}"',
        f'extension "{ILMS}" was sent without being named in schemas',
    ]
    assert found[1]["request_id"] == created.headers["X-Correlation-Id"]
    assert "the identity provider still has its id" in found[6]["advice"]

    facts = [entry["last_fact"] for entry in found]
    assert facts[1] == int(created.body["meta"]["version"].removeprefix('W/"').rstrip('"'))
    assert [bool(fact) for fact in facts] == [False, True, True, False, True, True, False]
    assert [entry["last_fact"] - entry["first_fact"] + 1 for entry in found] == [1, 3, 1, 1, 1, 3, 1]
    assert jo()["password"] not in json.dumps(found)
    assert await logged(product, scim, "--failed") == found[6:]
    assert await logged(product, scim, "--user", "JO@okta.local") == found[:6]
    assert await logged(product, scim, "--user", user_id) == found[1:]
    assert await logged(product, scim, "--since", "1h") == found
    assert await logged(product, scim, "--since", "2099-01-01T00:00:00Z") == []
    assert await logged(product, scim, "--limit", "2") == found[5:]


async def test_an_entra_conversation(product: Product, scim: Scim) -> None:
    """Without a User-Agent, with its words for operations, and with mistakes: notes and errors are there, in words."""

    async def send(method: str, path: str, body: Any = None) -> Reply:
        return await scim.send(method, path, body, headers=ENTRA)

    def patch(*operations: dict[str, Any]) -> dict[str, Any]:
        return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": list(operations)}

    wrong = ada(**{ENTERPRISE: {"department": "Marketing"}})
    refused = await send("POST", "/Users", wrong)
    created = await send("POST", "/Users", ada())
    twice = await send("POST", "/Users", ada(externalId="other"))
    assert (refused.status, created.status, twice.status) == (400, 201, 409)
    user = f"/Users/{created.body['id']}"
    disable = {"op": "Replace", "path": "active", "value": "False"}
    assert (await send("PATCH", user, patch(disable, {"op": "Add", "path": "shoeSize", "value": 43}))).status == 200
    group = {"schemas": [GROUP], "displayName": "Learners", "members": []}
    made = await send("POST", "/Groups", group)
    learners = f"/Groups/{made.body['id']}"
    members = {"op": "Add", "path": "members", "value": [{"$ref": None, "value": created.body["id"]}]}
    assert (await send("PATCH", learners, patch(members))).status == 204
    assert (await send("PATCH", learners, patch({"op": "Replace", "path": "displayName", "value": "L2"}))).status == 204
    nested = {**members, "value": [{"value": made.body["id"]}]}
    assert (await send("PATCH", learners, patch(nested))).status == 400
    assert (await scim.send("GET", "/?aadOptscim062020/Users", headers={"User-Agent": "x"})).status == 200
    assert (await scim.get("/Nowhere")).status == 404

    await recorded(product, scim, 10)
    found = await logged(product, scim)
    assert {entry["provider"] for entry in found} == {"entra"}
    assert [told(entry, "resource_type", "outcome", "scim_type") for entry in found] == [
        ("User", "refused", "invalidValue"),
        ("User", "created", ""),
        ("User", "refused", "uniqueness"),
        ("User", "deactivated", ""),
        ("Group", "created", ""),
        ("Group", "updated", ""),
        ("Group", "updated", ""),
        ("Group", "refused", "invalidValue"),
        ("User", "read", ""),
        ("", "refused", ""),
    ]
    assert found[0]["detail"] == refused.body["detail"]
    assert found[3]["notes"] == [
        'the operation "Replace" was read as replace',
        'the operation "Add" was read as add',
        '"active" was sent as text and read as a boolean',
        'unknown attribute "shoeSize" was ignored',
    ]
    assert [entry["resource_name"] for entry in found[4:8]] == ["Learners", "L2", "Learners", "L2"]
    assert [entry["changed"] for entry in found[5:7]] == [["members"], ["displayName"]]
    assert found[7]["notes"] == ['the operation "Add" was read as add']

    status, printed, said = await rollbook(product, "log", "--tenant", tenant_name(scim), "--failed")
    assert status == 0, said
    assert 'POST User ada@contoso.com  refused: 400 invalidValue\n    department "Marketing" is not allowed' in printed
    assert "→ Give one of the two another value" in printed
    assert "POST User ada@contoso.com  created" not in printed

    [cycle] = await lines(product, "cycles", "--tenant", tenant_name(scim))
    assert told(cycle, "provider", "running", "requests") == ("entra", True, 10)
    assert cycle["outcomes"] == {"refused": 4, "created": 2, "deactivated": 1, "updated": 2, "read": 1}
    assert cycle["methods"] == {"POST": 4, "PATCH": 4, "GET": 2}
    assert sorted(str(failure["detail"]) for failure in failures_of(cycle)) == sorted(
        {entry["detail"] for entry in found if entry["outcome"] == "refused"}
    )


async def test_a_refusal_before_the_request_is_read(product: Product, scim: Scim) -> None:
    """A token without the scope is told with its label; the body, and so the name, was never looked at."""
    row = await product.tenants().get(tenant_name(scim))
    token = new_token()
    terms = Terms(scopes=frozenset({"read"}))
    await tokens.issue(product.database, row.tenant, token, label="reader", now=datetime.now(UTC), terms=terms)
    reader = Scim(product.session, scim.tenant_url, str(token))
    assert (await reader.post("/Users", ada())).status == 403

    await recorded(product, scim, 1)
    [entry] = await logged(product, scim)

    assert told(entry, "outcome", "status", "token_label", "resource_type") == ("refused", 403, "reader", "User")
    assert entry["detail"].startswith("This token has the scope read")


async def test_a_pause_of_ten_minutes_ends_a_cycle(product: Product, scim: Scim) -> None:
    """What comes after it is another cycle; another provider has cycles of its own."""
    await scim.send("GET", "/Users?count=1", headers=OKTA)
    await scim.send("GET", "/Users?count=1", headers=OKTA)
    await scim.send("POST", "/Users", {"schemas": [USER], "userName": "x"}, headers=ENTRA)
    await recorded(product, scim, 3)
    await product.database.execute(
        "UPDATE provisioning.requests SET time = time - interval '11 minutes' WHERE request_id = "
        "(SELECT min(request_id) FROM provisioning.requests JOIN control.tenants USING (tenant) WHERE name = $1)",
        tenant_name(scim),
    )

    found = await lines(product, "cycles", "--tenant", tenant_name(scim))

    assert [told(cycle, "provider", "requests", "running") for cycle in found] == [
        ("okta", 1, False),
        ("okta", 1, True),
        ("entra", 1, True),
    ]
    assert await lines(product, "cycles", "--tenant", tenant_name(scim), "--since", "5m") == found[1:]


async def test_following_shows_what_comes(product: Product, scim: Scim) -> None:
    """What is there first, then each request once, as it comes, and only those asked for."""
    await scim.created(ada())
    await recorded(product, scim, 1)
    process = await started(
        product, "log", "--tenant", tenant_name(scim), "--follow", "--json", "--user", ada()["userName"]
    )
    assert process.stdout is not None
    first = json.loads(await process.stdout.readline())
    assert first["outcome"] == "created"
    await scim.created(jo())
    await scim.find('userName eq "ada@contoso.com"')
    await scim.post("/Users", ada())

    following = [json.loads(await process.stdout.readline()) for _ in range(2)]
    process.terminate()
    await process.wait()

    assert [told(entry, "method", "outcome") for entry in following] == [("GET", "read"), ("POST", "refused")]


async def test_strangers_are_counted_and_not_stored(product: Product, scim: Scim) -> None:
    """A request without a valid token leaves no row, and the list says how many there were."""
    stranger = Scim(product.session, scim.tenant_url, "rb_000000000000_" + "x" * 43)
    assert (await stranger.get("/Users")).status == 401
    query = "SELECT coalesce(sum(unadmitted), 0) FROM provisioning.request_counts"
    async with asyncio.timeout(30):
        while not await product.database.fetchval(query):  # noqa: ASYNC110  # a gateway tells within ten seconds
            await asyncio.sleep(0.1)

    status, printed, said = await rollbook(product, "log", "--tenant", tenant_name(scim))

    assert (status, printed) == (0, "")
    assert "refused before their organization was known" in said
