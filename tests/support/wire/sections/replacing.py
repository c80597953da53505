"""O: how Okta updates and deactivates, deletion, limits."""

import asyncio
import time
from typing import Any

from rollbook_contracts.settings import RateLimit
from rollbook_contracts.urns import ENTERPRISE, ILMS
from support.people import ada, jo
from support.wire.answers import ids, no_content, nobody, refused, resource
from support.wire.organization import Organization, Wire

UNKNOWN = "usr_00000000000000000000000000"


async def _put(organization: Organization, person: dict[str, Any], body: Any) -> dict[str, Any]:
    """Replace a person; the answer is the person as GET shows it without groups."""
    changed = resource(await organization.idp.put(f"/Users/{person['id']}", body))
    assert changed["id"] == person["id"]
    assert changed == await organization.read(person, without="groups")
    return changed


async def o01_put_of_what_get_returned(wire: Wire) -> None:
    """GET's body with changes is taken; id, meta, groups and read-only names in it are ignored; PUT never creates."""
    organization = await wire.organization()
    boss, there = await organization.people(ada(), jo())
    merged = {
        **await organization.read(there),
        "title": "Boss",
        "id": "other",
        "groups": [{"value": "grp_1", "display": "Admins"}],
        ENTERPRISE: {"manager": {"value": boss["id"], "displayName": "Not The Name"}},
    }
    changed = await _put(organization, there, merged)
    assert changed["title"] == "Boss"
    assert not changed.get("groups")
    assert changed[ENTERPRISE]["manager"]["value"] == boss["id"]
    assert changed[ENTERPRISE]["manager"].get("displayName", "Ada L") == "Ada L"
    assert changed["meta"]["created"] == there["meta"]["created"]
    assert changed["meta"]["location"] == there["meta"]["location"]
    changed = await _put(organization, there, wire.body(id=there["id"]))
    assert (changed["title"], changed["meta"]["location"]) == ("Boss", there["meta"]["location"])
    assert ENTERPRISE not in changed
    refused(await organization.idp.put(f"/Users/{UNKNOWN}", wire.body(id=UNKNOWN)), 404)
    assert sorted(ids(await organization.idp.get("/Users"))) == sorted([boss["id"], there["id"]])


async def o02_deactivation_never_fails_on_a_value(wire: Wire) -> None:
    """A value that is no longer allowed, or is not sent, or is wrong, does not keep anybody active."""
    organization = await wire.organization()
    values = {ILMS: {"region": "US-East"}, ENTERPRISE: {"division": "Field", "department": "Sales"}}
    there, other, third = await organization.people(
        jo(**values), *(jo(userName=name, externalId=name, emails=None, **values) for name in ("b", "c"))
    )
    await organization.set(regions=("EMEA",), divisions=("Office",), departments=("HR",))
    body = {**await organization.read(there), "active": False}
    changed = await _put(organization, there, body)
    assert (changed["active"], changed[ILMS], changed[ENTERPRISE]) == (False, values[ILMS], values[ENTERPRISE])
    without = {name: value for name, value in wire.body(id=other["id"]).items() if name != ILMS}
    changed = await _put(organization, other, {**without, "userName": "b", "externalId": "b", "emails": []})
    assert changed["active"] is False
    wrong = {**jo(userName="c", externalId="c", emails=None, active=False), ILMS: {"region": "Atlantis"}}
    assert (await _put(organization, third, wrong))["active"] is False
    rows = await organization.rows("SELECT active FROM lms.users WHERE tenant = $1")
    assert [row["active"] for row in rows] == [False] * 3


async def o03_put_without_password(wire: Wire) -> None:
    """A password that is not sent again is no change."""
    organization = await wire.organization()
    [there] = await organization.people(jo())
    assert (await _put(organization, there, wire.body()))["meta"] == there["meta"]


async def o04_put_cannot_take_a_name(wire: Wire) -> None:
    """Somebody else's userName is 409, and nothing changes."""
    organization = await wire.organization()
    _, there = await organization.people(ada(), jo())
    reply = await organization.idp.put(f"/Users/{there['id']}", wire.body())
    refused(reply, 409, "uniqueness", "ada@contoso.com")
    assert (await organization.read(there))["userName"] == "jo@okta.local"


async def o05_put_adopts_a_person(wire: Wire) -> None:
    """PUT on somebody the filter found stores externalId and makes no second person."""
    organization = await wire.organization()
    [there] = await organization.people(jo(externalId=None))
    reply = await organization.idp.get('/Users?filter=userName+eq+"jo%40okta.local"')
    assert ids(reply) == [there["id"]]
    changed = await _put(organization, there, wire.body())
    assert changed["externalId"] == "00ujl29u0le5T6Aj10h7"
    assert ids(await organization.idp.get("/Users")) == [there["id"]]
    assert (await organization.row(there))["external_id"] == "00ujl29u0le5T6Aj10h7"


async def o06_okta_deactivates_without_a_path(wire: Wire) -> None:
    """200 with the whole person."""
    organization = await wire.organization()
    [there] = await organization.people(jo())
    changed = resource(await organization.idp.send("PATCH", f"/Users/{there['id']}", wire.body()))
    assert (changed["active"], changed["userName"]) == (False, "jo@okta.local")
    assert (await organization.read(there))["active"] is False
    assert (await organization.row(there))["active"] is False


async def o07_a_password_alone_is_ignored(wire: Wire) -> None:
    """200, no new version, and the password is nowhere."""
    organization = await wire.organization()
    [there] = await organization.people(jo())
    changed = resource(await organization.idp.send("PATCH", f"/Users/{there['id']}", wire.body()))
    assert changed["meta"] == there["meta"]
    assert "password" not in changed
    operation = {"op": "replace", "value": {"password": "kept-nowhere-7Q"}}
    resource(await organization.idp.patch(f"/Users/{there['id']}", operation))
    assert "kept-nowhere-7Q" not in await organization.product.everything_stored()


async def o08_a_deleted_person_is_gone_and_the_names_are_free(wire: Wire) -> None:
    """204; then 404, nobody found, groups without the member, and the identifier may be used again."""
    organization = await wire.organization()
    there, other = await organization.people(jo(), ada())
    group = await organization.group("Learners", there, other)
    path = f"/Users/{there['id']}"
    no_content(await organization.idp.delete(path))
    refused(await organization.idp.get(path), 404)
    nobody(await organization.idp.get('/Users?filter=userName+eq+"jo%40okta.local"'))
    refused(await organization.idp.delete(path), 404)
    assert await organization.members(group) == {other["id"]}
    shown = await organization.read(group, "Groups")
    assert [member["value"] for member in shown["members"]] == [other["id"]]
    assert await organization.rows("SELECT FROM lms.users WHERE tenant = $1 AND id = $2", there["id"]) == []
    again = await organization.idp.post("/Users", jo())
    assert again.status == 201
    assert again.body["id"] != there["id"]
    assert await organization.members(group) == {other["id"]}


async def o09_over_the_limit_is_429(wire: Wire) -> None:
    """Some of a burst are refused, with whole seconds to wait and an error body; all are answered in good time."""
    organization = await wire.organization(rate_limit=RateLimit(2, burst=1))
    started = time.monotonic()
    replies = await asyncio.gather(*(organization.idp.get("/Users?count=0") for _ in range(40)))
    assert time.monotonic() - started < 60
    assert {reply.status for reply in replies} == {200, 429}
    for reply in replies:
        if reply.status == 429:
            refused(reply, 429)
            assert reply.headers["Retry-After"].isdecimal()
            assert int(reply.headers["Retry-After"]) > 0
