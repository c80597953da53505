"""The HTTP edge: every refusal is a SCIM error, limits hold, conditions and projections work."""

from typing import Any

import pytest

from rollbook_contracts.urns import ENTERPRISE, ILMS
from support.people import ada, jo, somebody
from support.product import Product
from support.scim import MEDIA_TYPE, PATCH_OP, Scim


@pytest.fixture
async def scim(product: Product) -> Scim:
    """Lend a tenant of its own."""
    return await product.new_tenant(regions=("US-East", "EMEA"))


def assert_error(reply: Any, status: int, scim_type: str | None = None) -> None:
    assert reply.status == status, reply
    assert reply.headers["Content-Type"] == MEDIA_TYPE
    assert reply.body["status"] == str(status)
    assert reply.body["detail"]
    assert reply.body.get("scimType") == scim_type


@pytest.mark.parametrize("path", ["/Nothing", "/Users/x/y", "/Me", "/Bulk", ""])
async def test_unknown_addresses_are_404(scim: Scim, path: str) -> None:
    """An address that does not exist is a SCIM error that says which exist."""
    assert_error(await scim.get(path), 404)


@pytest.mark.parametrize("user_id", ["usr_00000000000000000000000000", "nobody", "a%20b", "usr_"])
async def test_an_id_that_names_nobody_is_404(scim: Scim, user_id: str) -> None:
    """404 for every method, whatever the id looks like; nobody is made by it."""
    path = f"/Users/{user_id}"
    assert_error(await scim.get(path), 404)
    assert_error(await scim.put(path, jo()), 404)
    assert_error(await scim.patch(path, {"op": "Replace", "path": "active", "value": "False"}), 404)
    assert_error(await scim.delete(path), 404)
    assert (await scim.get("/Users")).body["totalResults"] == 0


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/Users"), ("PUT", "/Users"), ("POST", "/Schemas")])
async def test_impossible_methods_are_405(scim: Scim, method: str, path: str) -> None:
    """The answer names what is possible, in words and in the Allow header."""
    reply = await scim.send(method, path)
    assert_error(reply, 405)
    assert "GET" in reply.headers["Allow"]
    assert "GET" in reply.body["detail"]


async def test_a_body_beyond_a_mebibyte_is_413(scim: Scim) -> None:
    """A user of more than 1 MiB is refused; just below it is read."""
    assert_error(await scim.post("/Users", ada(title="x" * 1024 * 1024)), 413)
    assert_error(await scim.post("/Users", ada(title="x" * 1000 * 1024)), 400, "invalidValue")


@pytest.mark.parametrize(
    "headers", [{"Content-Type": "text/html"}, {"Content-Encoding": "gzip"}, {"Content-Encoding": "br"}]
)
async def test_other_media_are_415(scim: Scim, headers: dict[str, str]) -> None:
    """Only JSON as it stands is read."""
    assert_error(await scim.send("POST", "/Users", ada(), headers=headers), 415)


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b'{"userName": "\\ud800"}', b"[" * 100, b'{"a":' * 33 + b"1" + b"}" * 33],
)
async def test_bodies_that_are_no_object_are_invalid_syntax(scim: Scim, raw: bytes) -> None:
    """Broken, foreign or too deep JSON is 400, with words that say why."""
    reply = await scim.send("POST", "/Users", raw=raw)
    assert reply.status == 400
    assert reply.body["scimType"] in {"invalidSyntax", "invalidValue"}


async def test_too_many_operations_are_refused(scim: Scim) -> None:
    """A PATCH takes a hundred operations; a hundred and one are 400, and nothing of them is applied."""
    created = await scim.created(ada())
    operation = {"op": "replace", "path": "title", "value": "x"}
    body = {"schemas": [PATCH_OP], "Operations": [operation] * 101}
    reply = await scim.send("PATCH", f"/Users/{created['id']}", body)
    assert_error(reply, 400, "tooMany")
    assert (await scim.patch(f"/Users/{created['id']}", *[operation] * 100)).status == 200


@pytest.mark.parametrize(
    "condition", [" or ".join(["title pr"] * 300), 'title eq "' + '\\"' * 2000, f'title eq "{"x" * 65_536}"']
)
async def test_a_filter_that_takes_long_to_read_is_refused(scim: Scim, condition: str) -> None:
    """Too much outside of quotes, a quote that nothing closes, or too much in all is 400 invalidFilter."""
    assert_error(await scim.post("/Users/.search", {"filter": condition}), 400, "invalidFilter")


@pytest.mark.parametrize("text", ["\x00", "a\x00b"])
async def test_text_that_no_table_can_hold_is_refused(scim: Scim, text: str) -> None:
    """U+0000 is 400 invalidValue naming the attribute; nothing is stored."""
    reply = await scim.post("/Users", ada(displayName=text))
    assert_error(reply, 400, "invalidValue")
    assert "displayName" in reply.body["detail"]


async def test_the_version_guards_a_write(scim: Scim) -> None:
    """If-Match with an older version is 412 and changes nothing; with the present one, or *, the write is done."""
    created = await scim.created(ada())
    path = f"/Users/{created['id']}"
    version = created["meta"]["version"]
    changed = await scim.patch(path, {"op": "replace", "path": "title", "value": "a"})
    body = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "title", "value": "b"}]}
    assert_error(await scim.send("PATCH", path, body, headers={"If-Match": version}), 412)
    assert_error(await scim.send("DELETE", path, headers={"If-Match": version}), 412)
    assert (await scim.get(path)).body == changed.body
    assert (await scim.send("PATCH", path, body, headers={"If-Match": changed.headers["ETag"]})).status == 200
    assert (await scim.send("DELETE", path, headers={"If-Match": "*"})).status == 204


async def test_a_known_version_is_not_sent_again(scim: Scim) -> None:
    """If-None-Match with the present version is 304 without a body."""
    created = await scim.created(ada())
    reply = await scim.send("GET", f"/Users/{created['id']}", headers={"If-None-Match": created["meta"]["version"]})
    assert (reply.status, reply.body) == (304, None)


async def test_only_the_attributes_asked_for_are_answered(scim: Scim) -> None:
    """``attributes`` and ``excludedAttributes`` work on every answer that holds a person."""
    reply = await scim.post("/Users?attributes=userName", ada())
    user_id = reply.body["id"]
    assert reply.body.keys() == {"schemas", "id", "userName"}
    reply = await scim.get(f"/Users/{user_id}?excludedAttributes=emails,name.givenName,{ILMS}:region")
    assert {"emails", ILMS}.isdisjoint(reply.body)
    assert reply.body["name"] == {"familyName": "L", "formatted": "Ada L"}
    [found] = (await scim.get("/Users?attributes=name.familyName")).body["Resources"]
    assert found.keys() == {"schemas", "id", "name"}


async def test_a_search_may_be_posted(scim: Scim) -> None:
    """POST /Users/.search asks what GET asks."""
    created = [await scim.created(somebody(number)) for number in range(3)]
    query = {"filter": 'userName sw "p"', "startIndex": 2, "count": 1, "attributes": ["userName"]}
    reply = await scim.post("/Users/.search", query)
    assert reply.body["totalResults"] == 3
    assert [user["id"] for user in reply.body["Resources"]] == [created[1]["id"]]
    assert_error(await scim.post("/Users/.search", {"count": "x"}), 400, "invalidValue")


async def test_managers_are_kept_as_objects(scim: Scim) -> None:
    """A manager sent as a bare string comes back as an object, under both schemas."""
    created = await scim.created(
        ada(**{ENTERPRISE: {"manager": "boss"}, ILMS: {"region": "EMEA", "manager": {"displayName": "Jane Boss"}}}),
    )
    assert created[ENTERPRISE]["manager"]["value"] == "boss"
    assert created[ILMS]["manager"] == {"displayName": "Jane Boss"}


async def test_every_answer_carries_a_correlation_id(scim: Scim) -> None:
    """Each answer, good or bad, names the request."""
    for path in ("/Users", "/Nothing"):
        assert (await scim.get(path)).headers["X-Correlation-Id"].startswith("req_")


async def test_a_disabled_tenant_admits_nobody(scim: Scim, product: Product) -> None:
    """While a tenant is disabled its tokens are 401; its people are there again afterwards."""
    await scim.created(ada())
    name = scim.tenant_url.split("/")[-2]
    await product.tenants().enable(name, enabled=False)
    await product.until(lambda: scim.get("/Users"), lambda reply: reply.status == 401)
    await product.tenants().enable(name, enabled=True)
    await product.until(lambda: scim.get("/Users"), lambda reply: reply.status == 200)
    assert len(await scim.find('userName eq "ada@contoso.com"')) == 1


async def test_liveness_and_readiness(product: Product) -> None:
    """/livez and /readyz answer without a token."""
    for path in ("/livez", "/readyz"):
        async with product.session.get(product.gateway_urls[0] + path) as response:
            assert response.status == 200


async def test_what_is_no_http_request_is_a_scim_error_too(scim: Scim, product: Product) -> None:
    """A line longer than a server reads is answered in SCIM's form."""
    assert_error(await scim.get(f"/Users?filter={'x' * 40_000}"), 400)
