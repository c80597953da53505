"""OAuth 2.0 client credentials over HTTP: the token endpoint, and access tokens at every gateway."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog

from rollbook.control import tokens
from rollbook.control.tokens import Terms
from rollbook_gateway.admission.tokens import Token, new_token, parse_token
from support.people import ada
from support.product import Product, tenant_name
from support.scim import MEDIA_TYPE, Reply, Scim

GRANT = {"grant_type": "client_credentials"}


class Endpoint:
    """A tenant's token endpoint at one gateway, and an OAuth client of it."""

    def __init__(self, product: Product, scim: Scim, client: Token) -> None:
        self.product = product
        self.scim = scim
        self.client = client

    async def ask(self, *, tenant: str | None = None, **form: str) -> Reply:
        """Ask with client id and secret in the body, unless the form says otherwise."""
        body = {**GRANT, "client_id": self.client.key_id, "client_secret": self.client.secret, **form}
        return await self.send(tenant=tenant, data=body)

    async def send(self, *, tenant: str | None = None, method: str = "POST", **request: Any) -> Reply:
        url = f"{self.product.gateway_urls[0]}/scim/{tenant or tenant_name(self.scim)}/oauth/token"
        async with self.product.session.request(method, url, **request) as response:
            body = await response.json() if response.content_type == "application/json" else await response.text()
            return Reply(response.status, response.headers, body)

    async def access(self, **form: str) -> Scim:
        """Return a client that presents an access token."""
        reply = await self.ask(tenant=None, **form)
        assert reply.status == 200, reply
        return Scim(self.product.session, self.scim.tenant_url, reply.body["access_token"])


async def new_client(product: Product, scim: Scim, terms: Terms) -> Endpoint:
    tenant = await product.database.fetchval("SELECT tenant FROM control.tenants WHERE name = $1", tenant_name(scim))
    client = new_token()
    await tokens.issue(product.database, tenant, client, label="test", now=datetime.now(UTC), terms=terms)
    return Endpoint(product, scim, client)


@pytest.fixture
async def endpoint(product: Product) -> Endpoint:
    """Lend a tenant of its own with an OAuth client."""
    scim = await product.new_tenant(regions=("US-East", "EMEA"))
    return await new_client(product, scim, Terms("client"))


async def test_an_access_token_is_admitted_by_every_gateway(endpoint: Endpoint, product: Product) -> None:
    """The answer is RFC 6749's, not to be stored anywhere, and the token works where it was not issued, too."""
    reply = await endpoint.ask()
    assert reply.status == 200
    assert (reply.headers["Cache-Control"], reply.headers["Pragma"]) == ("no-store", "no-cache")
    token = reply.body.pop("access_token")
    assert reply.body == {"token_type": "Bearer", "expires_in": 3600, "scope": "users groups"}

    scim = Scim(product.session, endpoint.scim.tenant_url, token)
    person = await scim.created(ada())
    assert (await product.at(scim, 1).get(f"/Users/{person['id']}")).body["userName"] == "ada@contoso.com"


async def test_nothing_is_written_for_an_access_token(endpoint: Endpoint, product: Product) -> None:
    """Issuing and using one leaves no row, and no secret stands at rest."""
    before = await product.database.fetchval("SELECT count(*) FROM control.tokens")
    scim = await endpoint.access()
    assert (await scim.get("/Users")).status == 200
    assert await product.database.fetchval("SELECT count(*) FROM control.tokens") == before
    rows = str([dict(row) for row in await product.database.fetch("SELECT * FROM control.tokens")])
    assert endpoint.client.secret not in rows
    assert scim.token[16:] not in rows


async def test_http_basic_works_as_well(endpoint: Endpoint) -> None:
    """RFC 6749 wants it, identity providers send either."""
    for secret, status in ((endpoint.client.secret, 200), ("x" * 43, 401)):
        basic = base64.b64encode(f"{endpoint.client.key_id}:{secret}".encode()).decode()
        reply = await endpoint.send(data=GRANT, headers={"Authorization": f"Basic {basic}"})
        assert reply.status == status


async def test_scopes_are_narrowed_never_widened(endpoint: Endpoint, product: Product) -> None:
    """An access token has the scopes that were asked for; more than the client has is invalid_scope."""
    narrow = await endpoint.access(scope="groups")
    assert (await narrow.get("/Users")).status == 403
    reply = await endpoint.ask(scope="users admin")
    assert (reply.status, reply.body["error"]) == (400, "invalid_scope")
    assert "users groups" in reply.body["error_description"]

    reader = await new_client(product, endpoint.scim, Terms("client", {"read"}))
    assert (await reader.ask(scope="users")).body["error"] == "invalid_scope"
    reading = await reader.access()
    assert (await reading.get("/Users")).status == 200
    assert (await reading.post("/Users", ada())).status == 403


async def test_access_tokens_end_with_their_client(endpoint: Endpoint, product: Product) -> None:
    """Revoked or regenerated, the client takes its access tokens along at every gateway."""
    access = await endpoint.access()
    everywhere = [product.at(access, gateway) for gateway in range(2)]
    for scim in everywhere:
        assert (await scim.get("/Users")).status == 200
    await tokens.revoke(product.database, endpoint.client.key_id, now=datetime.now(UTC))
    for scim in everywhere:
        async with asyncio.timeout(1):
            while (await scim.get("/Users")).status != 401:  # noqa: ASYNC110  # the gateway is told
                await asyncio.sleep(0.01)
    assert (await endpoint.ask()).body["error"] == "invalid_client"


async def test_an_access_token_lives_no_longer_than_its_client(endpoint: Endpoint, product: Product) -> None:
    """Of a client that ends in a minute an access token is good for that minute."""
    terms = Terms("client", expires_at=datetime.now(UTC) + timedelta(seconds=60))
    reply = await (await new_client(product, endpoint.scim, terms)).ask()
    assert 55 <= reply.body["expires_in"] <= 60


async def test_strangers_learn_nothing_of_tenants(endpoint: Endpoint, product: Product) -> None:
    """Wrong secret, unknown client, plain token, another's client, disabled or unknown tenant: one answer."""
    other = await product.new_tenant()
    plain = parse_token(endpoint.scim.token)
    assert plain is not None
    disabled = await new_client(product, await product.new_tenant(), Terms("client"))
    await product.tenants().enable(tenant_name(disabled.scim), enabled=False)
    unknown = new_token()

    replies = [
        await endpoint.ask(client_secret="x" * 43),
        await endpoint.ask(client_id=unknown.key_id, client_secret=unknown.secret),
        await endpoint.ask(client_id="short"),
        await endpoint.ask(client_id=plain.key_id, client_secret=plain.secret),
        await endpoint.ask(tenant=tenant_name(other)),
        await endpoint.ask(tenant="no-such-tenant"),
        await disabled.ask(),
    ]
    first = (401, replies[0].body, told(replies[0].headers))
    assert [(reply.status, reply.body, told(reply.headers)) for reply in replies] == [first] * len(replies)
    assert replies[0].body["error"] == "invalid_client"
    assert replies[0].headers["WWW-Authenticate"].startswith("Basic")


def told(headers: Any) -> dict[str, str]:
    """Return the headers of an answer but those that differ with each."""
    return {name: value for name, value in headers.items() if name.lower() not in {"date", "x-correlation-id"}}


async def test_malformed_requests_are_refused_before_anybody_is_looked_for(endpoint: Endpoint) -> None:
    """The same refusal for a tenant that exists and for one that does not, in OAuth's form, never SCIM's."""
    for request, status, error in (
        ({"method": "GET"}, 405, "invalid_request"),
        ({"json": {}}, 400, "invalid_request"),
        ({"data": b"grant_type=client_credentials&grant_type=x"}, 400, "invalid_request"),
        ({"data": {"grant_type": "authorization_code"}}, 400, "unsupported_grant_type"),
        ({"data": GRANT}, 401, "invalid_client"),
        ({"data": {**GRANT, "client_id": "x" * 9000}}, 413, "invalid_request"),
    ):
        replies = [await endpoint.send(tenant=name, **request) for name in (None, "no-such-tenant")]
        assert [(reply.status, reply.body["error"]) for reply in replies] == [(status, error)] * 2
        assert replies[0].body == replies[1].body
        assert replies[0].headers["Cache-Control"] == "no-store"
        assert "schemas" not in replies[0].body


async def test_a_clients_secret_opens_no_scim(endpoint: Endpoint, product: Product) -> None:
    """Client id and secret are good for access tokens only, in whatever form they are presented."""
    url = endpoint.scim.tenant_url
    assert (await Scim(product.session, url, str(endpoint.client)).get("/Users")).status == 401
    basic = base64.b64encode(f"{endpoint.client.key_id}:{endpoint.client.secret}".encode()).decode()
    reply = await endpoint.scim.send("GET", "/Users", headers={"Authorization": f"Basic {basic}"})
    assert (reply.status, reply.headers["Content-Type"]) == (401, MEDIA_TYPE)


async def test_an_access_token_is_for_its_own_tenant(endpoint: Endpoint, product: Product) -> None:
    """At another Tenant URL it is 401, as any token."""
    access, other = await endpoint.access(), await product.new_tenant()
    assert (await Scim(product.session, other.tenant_url, access.token).get("/Users")).status == 401


async def test_no_secret_stands_in_the_log(endpoint: Endpoint) -> None:
    """Log lines name the client and the tenant; neither the secret nor the access token, in whatever way they came."""
    with structlog.testing.capture_logs() as lines:
        access = await endpoint.access()
        assert (await access.get("/Users")).status == 200
        assert (await endpoint.ask(client_secret=endpoint.client.secret, scope="admin")).status == 400
        assert (
            await endpoint.send(data=GRANT, headers={"Authorization": f"Basic {endpoint.client.secret}"})
        ).status == 401
        assert (await endpoint.send(params={"client_secret": endpoint.client.secret}, data=GRANT)).status == 401

    answered = [line for line in lines if line["event"] == "request.answered"]
    assert {line["key_id"] for line in answered} == {endpoint.client.key_id, None}
    assert endpoint.client.secret not in str(lines)
    assert access.token[16:] not in str(lines)
