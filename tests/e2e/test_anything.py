"""Whatever is sent as body, path, key or filter: never a 500, never half a change, always a SCIM body."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from rollbook_contracts.urns import ILMS
from support.drawn_requests import Drawn, reads, writes
from support.people import ada
from support.product import Product
from support.scim import MEDIA_TYPE, Reply, Scim

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
PERSON = ada(**{ILMS: {"region": "EMEA", "manager": {"displayName": "A Boss"}}})
GROUP: dict[str, Any] = {"displayName": "Learners", "externalId": "g", "members": [{"value": "{user}"}]}
NEW = {"userName": "new@contoso.com", "emails": [{"type": "work", "value": "new@contoso.com"}], "displayName": "New"}
REFUSED = {400, 404, 405, 409, 413}


@dataclass(frozen=True, slots=True)
class There:
    """A tenant with one person and one group whose only member the person is."""

    scim: Scim
    user: str
    group: str

    def named(self, text: bytes) -> bytes:
        """Return a text with the ids in place of their names."""
        return text.replace(b"{user}", self.user.encode()).replace(b"{group}", self.group.encode())

    async def send(self, drawn: Drawn) -> Reply:
        body = None if drawn.body is None else self.named(drawn.body)
        return await self.scim.send(drawn.method, self.named(drawn.path.encode()).decode(), raw=body)

    async def state(self) -> bytes:
        """Return everything that reads show, member by member in their order."""
        shown = [await self.scim.get(path) for path in (f"/Users/{self.user}", "/Users", "/Groups")]
        assert {reply.status for reply in shown} == {200}
        return msgspec.json.encode([reply.body for reply in shown])

    async def restore(self) -> None:
        """Make the tenant what it was, versions aside."""
        for kind, kept in (("Users", self.user), ("Groups", self.group)):
            for found in (await self.scim.get(f"/{kind}")).body["Resources"]:
                if found["id"] != kept:
                    assert (await self.scim.delete(f"/{kind}/{found['id']}")).status == 204
        group = msgspec.json.decode(self.named(msgspec.json.encode(GROUP)))
        assert (await self.scim.put(f"/Users/{self.user}", PERSON)).status == 200
        assert (await self.scim.put(f"/Groups/{self.group}", group)).status == 200


@pytest.fixture
async def there(product: Product) -> There:
    """Lend a tenant of its own with open values."""
    scim = await product.new_tenant(default_region="EMEA")
    user = str((await scim.created(PERSON))["id"])
    group = await scim.post("/Groups", {**GROUP, "members": [{"value": user}]})
    return There(scim, user, str(group.body["id"]))


def is_refusal(reply: Reply) -> bool:
    """Say whether something was refused, as SCIM refuses; the test fails on any other kind of answer."""
    assert reply.status in {200, 201, 204} | REFUSED, reply
    if reply.status in REFUSED:
        assert reply.headers["Content-Type"].startswith(MEDIA_TYPE)
        assert reply.body["schemas"] == [ERROR]
        assert reply.body["status"] == str(reply.status)
        assert isinstance(reply.body["detail"], str)
    return reply.status in REFUSED


async def never_half_a_change(there: There, drawn: Drawn) -> None:
    """A refused write has left everything as it was; another can be read back as it was answered."""
    before = await there.state()
    reply = await there.send(drawn)
    event(f"{drawn.method} {reply.status}")
    if is_refusal(reply):
        assert await there.state() == before
        return
    try:
        await read_back(there, drawn, reply)
    finally:
        await there.restore()


async def read_back(there: There, drawn: Drawn, reply: Reply) -> None:
    """Assert that what was written is shown, by address and in its list."""
    address, _, query = there.named(drawn.path.encode()).decode().partition("?")
    if drawn.method == "POST":
        address = reply.headers["Location"].removeprefix(there.scim.tenant_url)
    shown = await there.scim.get(address)
    assert shown.status == 200
    if reply.status != 204 and not query:
        assert as_answered(shown.body) == as_answered(reply.body)
    listed = (await there.scim.get("/" + address.split("/")[1])).body["Resources"]
    assert shown.body in listed


def as_answered(resource: dict[str, Any]) -> bytes:
    """Return a resource's bytes without what answers to writes do not show: a person's groups, members' names.

    The tag counts what is shown, so that it is compared up to the sequence of the resource's own last fact.
    """
    shown = {name: value for name, value in resource.items() if name != "groups"}
    if "meta" in shown:
        shown["meta"] = {**shown["meta"], "version": shown["meta"]["version"].rstrip('"').partition(".")[0]}
    if "members" in shown:
        shown["members"] = [{**member, "display": None} for member in shown["members"]]
    return msgspec.json.encode(shown)


async def a_list_or_a_refusal(there: There, drawn: Drawn) -> None:
    """A read answers with a list, the one that was asked for, or a refusal."""
    reply = await there.send(drawn)
    event(f"{drawn.method} {reply.status}")
    if is_refusal(reply):
        return
    assert reply.status == 200
    assert reply.headers["Content-Type"].startswith(MEDIA_TYPE)
    if LIST in reply.body["schemas"]:
        assert isinstance(reply.body["totalResults"], int)
    else:
        assert reply.body["id"] in {there.user, there.group}


WRITES = writes({**PERSON, **NEW}, {**GROUP, "displayName": "Others"})


def examples(count: int, drawn: st.SearchStrategy[Drawn]) -> Callable[[Any], Any]:
    """Return a decorator that runs a test for so many requests, however busy the machine is."""
    health = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.large_base_example]
    return lambda test: settings(max_examples=count, suppress_health_check=health)(given(drawn=drawn)(test))


@examples(300, WRITES)
async def test_any_write(there: There, drawn: Drawn) -> None:
    """Any POST, PUT or PATCH is refused and has changed nothing, or is answered and can be read."""
    await never_half_a_change(there, drawn)


@examples(200, reads())
async def test_any_read(there: There, drawn: Drawn) -> None:
    """Any filter, parameter and address is answered or refused."""
    await a_list_or_a_refusal(there, drawn)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@examples(12_000, WRITES)
async def test_any_write_at_length(there: There, drawn: Drawn) -> None:
    """The same of many more writes."""
    await never_half_a_change(there, drawn)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@examples(8_000, reads())
async def test_any_read_at_length(there: There, drawn: Drawn) -> None:
    """The same of many more reads."""
    await a_list_or_a_refusal(there, drawn)
