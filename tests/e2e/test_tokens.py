"""Tokens as an administrator has them: several at once, scoped, ending, regenerated, rotated; over two gateways."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from rollbook.control import tokens
from rollbook.control.tokens import Terms
from rollbook_gateway.admission.scopes import Scope
from rollbook_gateway.admission.tokens import Token, new_token
from support.fleet import Fleet
from support.people import ada, somebody
from support.product import Product, tenant_name
from support.scim import MEDIA_TYPE, PATCH_OP, Reply, Scim

pytestmark = pytest.mark.timeout(120)


async def command(fleet: Fleet, *arguments: object) -> dict[str, Any]:
    """Run a command with --json; return the one object that it prints."""
    done = await fleet.rollbook(*arguments, "--json")
    assert done.status == 0, done.err
    [line] = done.out.splitlines()
    found: dict[str, Any] = msgspec.json.decode(line)
    return found


async def issued(fleet: Fleet, scim: Scim, *options: object) -> Scim:
    """Issue one more token and return a client that presents it."""
    found = await command(fleet, "token", "issue", "--tenant", tenant_name(scim), *options)
    return Scim(fleet.session, scim.tenant_url, found["token"])


async def until_refused(scim: Scim) -> Reply:
    async with asyncio.timeout(10):
        while (reply := await scim.get("/Users?count=0")).status != 401:  # noqa: ASYNC110  # the gateway is told
            await asyncio.sleep(0.005)
    return reply


async def test_several_tokens_live_beside_each_other(fleet: Fleet) -> None:
    """Each works at each gateway until it is revoked; the others work on."""
    first = await fleet.new_tenant()
    second = await issued(fleet, first, "--label", "second")
    for client in (*fleet.everywhere(first), *fleet.everywhere(second)):
        assert (await client.get("/Users?count=0")).status == 200

    key_id = second.token.split("_")[1]
    assert await command(fleet, "token", "revoke", key_id) == {"key_id": key_id, "state": "revoked"}
    for client in fleet.everywhere(second):
        await until_refused(client)
    assert (await first.get("/Users?count=0")).status == 200


async def test_regenerate_stops_all_others_within_a_second(fleet: Fleet) -> None:
    """When the command ends the gateway that it asked refuses all older ones; every other does so within a second."""
    first = await fleet.new_tenant()
    olds = [first, await issued(fleet, first), await issued(fleet, first, "--scope", "read")]
    everywhere = [fleet.at(old, gateway) for old in olds for gateway in range(2)]
    for old in everywhere:
        assert (await old.get("/Users?count=0")).status == 200

    stopped: dict[Scim, float] = {}

    async def watch(old: Scim) -> None:
        await until_refused(old)
        stopped[old] = time.time()

    watching = [asyncio.create_task(watch(old)) for old in everywhere]
    done = await fleet.rollbook(
        *("token", "regenerate", "--tenant", tenant_name(first), "--json"), ROLLBOOK_PUBLIC_URL=fleet.gateway_urls[0]
    )
    new = msgspec.json.decode(done.out)
    assert "admits only the new one now" in done.err
    for old in olds:
        assert (await fleet.at(old, 0).get("/Users?count=0")).status == 401
    await asyncio.gather(*watching)

    async with fleet.operation() as operation:
        ended = await operation.connection.fetchval("SELECT max(revoked_at) FROM control.tokens")
    assert max(stopped.values()) - ended.timestamp() < 1
    assert new["revoked"] == sorted(old.token.split("_")[1] for old in olds)
    for gateway in range(2):
        client = fleet.at(Scim(fleet.session, first.tenant_url, new["token"]), gateway)
        assert (await client.get("/Users?count=0")).status == 200


async def test_a_new_token_at_a_gateway_ends_the_old_one_there(product: Product) -> None:
    """A gateway that was told nothing, but sees the new token, refuses the old one from then on."""
    old = await product.new_tenant()
    assert (await old.get("/Users?count=0")).status == 200
    tenant = await product.database.fetchval("SELECT tenant FROM control.tenants WHERE name = $1", tenant_name(old))
    token = new_token()
    # By hand, so that nobody is told.
    await product.database.execute("UPDATE control.tokens SET revoked_at = now() WHERE tenant = $1", tenant)
    await product.database.execute(
        "INSERT INTO control.tokens (key_id, tenant, secret_sha256, label, created_at) VALUES ($1, $2, $3, '', now())",
        *(token.key_id, tenant, token.secret_sha256),
    )

    assert (await Scim(product.session, old.tenant_url, str(token)).get("/Users?count=0")).status == 200
    assert (await old.get("/Users?count=0")).status == 401


async def test_rotation_overlaps(fleet: Fleet) -> None:
    """The next token works at once with what the old one may do; the old one ends after the overlap, or at once."""
    first = await issued(fleet, await fleet.new_tenant(), "--label", "Entra", "--scope", "read", "--expires-in", "90d")
    key_id = first.token.split("_")[1]
    found = await command(fleet, "token", "rotate", key_id)
    second = Scim(fleet.session, first.tenant_url, found["token"])
    for client in (first, second):
        assert (await client.get("/Users?count=0")).status == 200
        assert (await client.post("/Users", ada())).status == 403
    now = datetime.now(UTC)
    assert timedelta(hours=23) < datetime.fromisoformat(found["old_expires_at"]) - now < timedelta(hours=25)
    assert timedelta(days=89) < datetime.fromisoformat(found["expires_at"]) - now < timedelta(days=91)

    again = await fleet.rollbook("token", "rotate", key_id)
    assert (again.status, found["key_id"] in again.err) == (1, True)

    third = await command(fleet, "token", "rotate", found["key_id"], "--overlap", "0h", "--expires-in", "1d")
    assert "has ended" in (await until_refused(second)).body["detail"]
    listed = await fleet.rollbook("token", "list", "--tenant", tenant_name(first), "--json")
    rows = [msgspec.json.decode(line) for line in listed.out.splitlines()][1:]
    assert [(row["state"], row["label"], row["scopes"], row["replaced_by"]) for row in rows] == [
        ("rotated", "Entra", ["read"], found["key_id"]),
        ("expired", "Entra", ["read"], third["key_id"]),
        ("live", "Entra", ["read"], None),
    ]
    assert not any(token[16:] in listed.out for token in (first.token, found["token"], third["token"]))


@pytest.fixture
async def tenant(product: Product) -> Scim:
    """Lend a tenant of its own, with a token for everything."""
    return await product.new_tenant(regions=("US-East", "EMEA"))


async def with_terms(product: Product, scim: Scim, terms: Terms) -> Scim:
    """Return a client of the same tenant with a token on other terms."""
    tenant_id = await product.database.fetchval("SELECT tenant FROM control.tenants WHERE name = $1", tenant_name(scim))
    token = new_token()
    await tokens.issue(product.database, tenant_id, token, label="test", now=datetime.now(UTC), terms=terms)
    return Scim(product.session, scim.tenant_url, str(token))


async def test_a_request_outside_the_scopes_is_told_which_one_is_missing(product: Product, tenant: Scim) -> None:
    """403 as a SCIM error that names the scope and says how to get a token with it; nothing is changed."""
    person = await tenant.created(ada())
    reader = await with_terms(product, tenant, Terms(scopes={"read"}))
    assert (await reader.get(f"/Users/{person['id']}")).status == 200
    assert (await reader.post("/Users/.search", {"count": 0})).status == 200
    assert (await reader.get("/ServiceProviderConfig")).status == 200
    patch = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "title", "value": "x"}]}
    for method, path, body in (
        ("POST", "/Users", somebody(1)),
        ("PUT", f"/Users/{person['id']}", ada()),
        ("PATCH", f"/Users/{person['id']}", patch),
        ("DELETE", f"/Users/{person['id']}", None),
    ):
        reply = await reader.send(method, path, body)
        assert (reply.status, reply.headers["Content-Type"]) == (403, MEDIA_TYPE)
        assert (reply.body["status"], reply.body["schemas"]) == ("403", ["urn:ietf:params:scim:api:messages:2.0:Error"])
        assert "users" in reply.body["detail"]
        assert f"token issue --tenant {tenant_name(tenant)} --scope read --scope users" in reply.body["detail"]
        assert reply.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="users"'
    assert (await tenant.get("/Users")).body["Resources"] == [person]

    of_groups = await with_terms(product, tenant, Terms(scopes={"groups"}))
    assert (await of_groups.get("/Users")).status == 403
    assert (await of_groups.get(f"/Users/{person['id']}")).status == 403


READABLE: dict[str, set[str]] = {"users": {"User"}, "groups": {"Group"}, "read": {"User", "Group"}}
"""Which types of resources each scope may read."""


def types_in(body: Any) -> set[str]:
    """Return the types of all users and groups in a body."""
    if isinstance(body, dict):
        found = {body["meta"]["resourceType"]} if isinstance(body.get("meta"), dict) else set()
        return found.union(*map(types_in, body.values()))
    return set().union(*map(types_in, body)) if isinstance(body, list) else set()


@pytest.mark.parametrize(
    "scopes",
    [{"users"}, {"groups"}, {"read"}, {"users", "read"}, {"groups", "read"}, {"users", "groups"}],
    ids=lambda scopes: "-".join(sorted(scopes)),
)
async def test_no_body_shows_what_the_scopes_do_not_read(product: Product, tenant: Scim, scopes: set[Scope]) -> None:
    """Of every address, searches at the root among them; whoever may read a type is shown it."""
    person = await tenant.created(ada())
    group = (await tenant.post("/Groups", {"displayName": "g", "members": [{"value": person["id"]}]})).body
    client = await with_terms(product, tenant, Terms(scopes=scopes))
    readable = set[str]().union(*(READABLE[scope] for scope in scopes))
    patch = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "displayName", "value": "x"}]}
    shown = set()
    for kind, one in (("/Users", person), ("/Groups", group), ("", None)):
        requests: list[tuple[str, str, Any]] = [("POST", f"{kind}/.search", {"count": 200})]
        if one is not None:
            path = f"{kind}/{one['id']}"
            requests += [("GET", kind, None), ("GET", path, None), ("PATCH", path, patch), ("PUT", path, one)]
        for method, path, body in requests:
            reply = await client.send(method, path, body)
            assert reply.status in {200, 204, 403}, reply
            assert types_in(reply.body) <= readable, (method, path)
            shown |= types_in(reply.body)
    assert shown == readable


async def test_a_token_ends_when_it_was_to(product: Product, tenant: Scim) -> None:
    """401 that says so to whoever holds it, and the plain 401 to others."""
    ends = datetime.now(UTC) + timedelta(seconds=2)
    short = await with_terms(product, tenant, Terms(expires_at=ends))
    assert (await short.get("/Users")).status == 200
    reply = await until_refused(short)
    assert datetime.now(UTC) >= ends
    assert f"has ended at {ends:%Y-%m-%dT%H:%M:%SZ}" in reply.body["detail"]
    assert "invalid_token" in reply.headers["WWW-Authenticate"]

    key_id = short.token.split("_")[1]
    wrong = Scim(product.session, tenant.tenant_url, str(Token(key_id, "x" * 43)))
    nobody = Scim(product.session, tenant.tenant_url, str(new_token()))
    assert (await wrong.get("/Users")).body == (await nobody.get("/Users")).body


async def issued_at(fleet: Fleet, scim: Scim, label: str, terms: Terms) -> str:
    """Issue a token on the terms; return its key id."""
    token = new_token()
    async with fleet.operation() as operation:
        row = await operation.tenants().get(tenant_name(scim))
        await tokens.issue(operation.connection, row.tenant, token, label=label, now=datetime.now(UTC), terms=terms)
    return token.key_id


async def test_status_warns_before_a_token_ends(fleet: Fleet) -> None:
    """`rollbook status` tells of tokens that end within 30, 7 and 1 days, in words and as JSON; not of rotated ones."""
    scim = await fleet.new_tenant()
    keys = {}
    for days in (31, 30, 7, 1):
        terms = Terms(expires_at=datetime.now(UTC) + timedelta(days=days))
        keys[days] = await issued_at(fleet, scim, f"in {days}", terms)
    rotated = await issued_at(fleet, scim, "", Terms(expires_at=datetime.now(UTC) + timedelta(days=5)))
    await command(fleet, "token", "rotate", rotated, "--expires-in", "300d")

    told = await fleet.rollbook("status", "--json")
    warned = {
        row["token"]: (row["warning_days"], row["label"], row["tenant_name"])
        for row in map(msgspec.json.decode, told.out.splitlines())
        if row.get("tenant_name") == tenant_name(scim)
    }
    assert warned == {keys[days]: (days, f"in {days}", tenant_name(scim)) for days in (30, 7, 1)}

    told = await fleet.rollbook("status")
    for days in (30, 7, 1):
        assert f"rollbook token rotate {keys[days]}`" in told.err
    assert keys[31] not in told.err


async def test_gateways_log_that_a_token_ends_soon(fleet: Fleet) -> None:
    """A gateway warns in its log, with the key id and the tenant, and never with the secret."""
    scim = await fleet.new_tenant()
    ending = await issued(fleet, scim, "--expires-in", "3d", "--label", "Okta")
    gateway = await fleet.add_gateway()
    try:

        async def lines() -> list[dict[str, Any]]:
            found = [msgspec.json.decode(line) for line in gateway.log.read_text().splitlines() if line[:1] == "{"]
            return [line for line in found if line.get("key_id") == ending.token.split("_")[1]]

        [line, *_] = await eventually(lines)
        assert (line["event"], line["days"], line["level"]) == ("token.expires_soon", 7, "warning")
        assert (line["tenant_name"], line["label"]) == (tenant_name(scim), "Okta")
        assert ending.token[16:] not in gateway.log.read_text()
    finally:
        await gateway.stop()
        fleet.gateways.remove(gateway)
        fleet.gateway_urls.pop()


async def eventually(ask: Callable[[], Awaitable[list[Any]]]) -> list[Any]:
    async with asyncio.timeout(20):
        while not (found := await ask()):  # noqa: ASYNC110  # another process makes it so
            await asyncio.sleep(0.05)
    return found


async def test_last_use_is_recorded(fleet: Fleet) -> None:
    """Some seconds after a request `token list` shows when the token was used; one never used shows nothing."""
    scim = await fleet.new_tenant()
    unused = await command(fleet, "token", "issue", "--tenant", tenant_name(scim))
    before = datetime.now(UTC) - timedelta(seconds=1)
    assert (await scim.get("/Users?count=0")).status == 200

    async def used() -> list[Any]:
        listed = await fleet.rollbook("token", "list", "--tenant", tenant_name(scim), "--json")
        rows = [msgspec.json.decode(line) for line in listed.out.splitlines()]
        assert {row["key_id"]: row["last_used_at"] for row in rows}[unused["key_id"]] is None
        return [row for row in rows if row["last_used_at"] is not None]

    [row] = await eventually(used)
    assert before - timedelta(minutes=1) < datetime.fromisoformat(row["last_used_at"]) <= datetime.now(UTC)
