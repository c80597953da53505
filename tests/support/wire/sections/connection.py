"""A: connection and authentication."""

import asyncio
import time
import uuid

import aiohttp
from yarl import URL

from support.people import ada
from support.product import tenant_name
from support.scim import MEDIA_TYPE, Scim
from support.wire.answers import ids, listed, nobody, refused
from support.wire.organization import Organization, Wire


async def _finds_nobody(wire: Wire) -> None:
    organization = await wire.organization()
    await organization.people(ada())
    nobody(await organization.idp.get(wire.path(random_guid=str(uuid.uuid4()))))


async def a01_a_random_user_name_finds_nobody(wire: Wire) -> None:
    """Entra's test connection is a filter that matches nobody: 200 and an empty list."""
    await _finds_nobody(wire)


async def a02_a_guid_for_an_address_finds_nobody(wire: Wire) -> None:
    """The value of a filter on addresses need be none."""
    await _finds_nobody(wire)


async def a03_a_guid_for_an_employee_number_finds_nobody(wire: Wire) -> None:
    """The last colon parts URN and attribute, whatever dots the URN has."""
    await _finds_nobody(wire)


async def a04_no_user_agent_is_needed(wire: Wire) -> None:
    """A request without User-Agent is answered as any other."""
    organization = await wire.organization()
    async with aiohttp.ClientSession(skip_auto_headers=["User-Agent"]) as session:
        without = Scim(session, organization.idp.tenant_url, organization.idp.token)
        nobody(await without.get('/Users?filter=userName+eq+"x"'))


TENANT_URL_ENDS = (
    "/?aadOptscim062020",
    "?aadOptscim062020",
    "/",
    "//",
    "/?feature=aadOptscim062020",
    "?aadOptscim062020=",
)


async def a05_flags_and_slashes_at_the_end_of_the_tenant_url(wire: Wire) -> None:
    """Whatever the pasted Tenant URL ends with, paths behind it resolve; unknown parameters are ignored."""
    organization = await wire.organization()
    [there] = await organization.people(ada())
    idp = organization.idp
    for end in TENANT_URL_ENDS:
        for path in ("/Users", "/Users?startIndex=1&count=2", '/Users?filter=userName+eq+"ADA%40contoso.com"'):
            assert ids(await idp.get(end + path)) == [there["id"]], end + path
        nobody(await idp.get(f'{end}/Users?filter=userName+eq+"x"'))
        reply = await idp.get(f"{end}/Users/{there['id']}")
        assert reply.body["id"] == there["id"]
        assert reply.body["meta"]["location"] == f"{idp.tenant_url}/Users/{there['id']}"
        patched = await idp.patch(f"{end}/Users/{there['id']}", {"op": "Add", "path": "title", "value": end})
        assert patched.body["title"] == end
    for path in (
        "/Users?aadOptscim062020",
        "/Users?filter=userName+pr&aadOptscim062020&x=y",
        "/Users/",
        "/Users/?count=2",
    ):
        assert ids(await idp.get(path)) == [there["id"]]
    posted = await idp.post("/?aadOptscim062020/Users", ada(userName="b", externalId="b", emails=None))
    assert posted.status == 201


async def a06_okta_tests_the_connection_of_an_empty_tenant(wire: Wire) -> None:
    """The first page of an empty tenant: whole numbers and nobody."""
    organization = await wire.organization()
    reply = await organization.idp.get("/Users?startIndex=1&count=2")
    nobody(reply)
    assert (reply.body["startIndex"], reply.body["itemsPerPage"]) == (1, 0)


async def a07_a_bearer_token_is_admitted(wire: Wire) -> None:
    """The token issued with the Tenant URL opens it."""
    organization = await wire.organization()
    nobody(await organization.sent("/Users", Authorization=f"Bearer {organization.idp.token}"))


async def a08_the_scheme_may_be_missing_or_doubled(wire: Wire) -> None:
    """What an administrator makes of the header field is understood, and a wrong token in it is refused as ever."""
    organization = await wire.organization()
    for scheme in ("", "bearer ", "BEARER ", "Bearer Bearer ", "Bearer bearer ", "Bearer  "):
        listed(await organization.sent("/Users", Authorization=scheme + organization.idp.token))
        refused(await organization.sent("/Users", Authorization=scheme + organization.idp.token[:-1] + "~"), 401)


async def a09_a_wrong_token_is_an_error_body(wire: Wire) -> None:
    """401 as a SCIM error, with the status as text."""
    organization = await wire.organization()
    for authorization in ("non-token", "Bearer non-token", f"Bearer rb_aaaaaaaaaaaa_{'a' * 43}"):
        refused(await organization.sent('/Users?filter=userName%20eq%20"X"', Authorization=authorization), 401)


async def a10_without_authorization_the_challenge_is_bearer(wire: Wire) -> None:
    """401 with WWW-Authenticate and an error body: no redirect and no page, on every address, known or not."""
    organization = await wire.organization()
    async with aiohttp.ClientSession() as session:
        for method, path in (("GET", "/Users"), ("POST", "/Users"), ("GET", "/Schemas"), ("DELETE", "/nothing")):
            url = URL(organization.idp.tenant_url + path, encoded=True)
            async with session.request(method, url, allow_redirects=False) as response:
                assert response.status == 401
                assert response.headers["WWW-Authenticate"] == "Bearer"
                assert response.headers["Content-Type"].startswith(MEDIA_TYPE)
                assert (await response.json(content_type=None))["status"] == "401"


async def a11_another_tenants_token_is_no_token(wire: Wire) -> None:
    """A valid token at another Tenant URL is 401: no data, and no word on whether the tenant exists."""
    organization, other = await wire.organization(), await wire.organization()
    [there] = await organization.people(ada())
    for path in ("/Users", f"/Users/{there['id']}"):
        refused(await organization.sent(path, Authorization=f"Bearer {other.idp.token}"), 401)


async def a12_a_regenerated_token_ends_the_old_one(wire: Wire) -> None:
    """The old token is refused within a second, the new one admitted."""
    old = await wire.organization()
    new = await old.regenerated()
    started = time.monotonic()
    listed(await new.idp.get("/Users"))
    await _until_refused(old)
    assert time.monotonic() - started < 1
    refused(await old.idp.get("/Users"), 401)
    listed(await new.idp.get("/Users"))
    assert tenant_name(old.idp) == tenant_name(new.idp)


async def _until_refused(organization: Organization) -> None:
    async with asyncio.timeout(1):
        while (await organization.idp.get("/Users")).status != 401:  # noqa: ASYNC110  # another task makes it so
            await asyncio.sleep(0.01)
