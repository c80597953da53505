"""The longest of every value is stored and read back; a byte more is refused, with its length and the limit."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from rollbook_contracts.limits import KEY_BYTES, KEY_CHARACTERS, TEXT_CHARACTERS, key_bytes
from rollbook_contracts.urns import ENTERPRISE, ILMS
from support.longest import ALPHABETS, longest_key, one_byte_more
from support.product import Product, tenant_name
from support.scim import Scim


@pytest.fixture(scope="module")
async def scim(product: Product) -> Scim:
    """Lend one tenant to all of these tests."""
    return await product.new_tenant(default_region="EMEA")


def person(character: str) -> dict[str, Any]:
    """Return a person with the longest of every key."""
    return {
        "userName": longest_key(character),
        "displayName": longest_key(character),
        "externalId": longest_key(character),
        "emails": [{"value": longest_key(character), "type": "work"}],
        ENTERPRISE: {
            "employeeNumber": longest_key(character),
            "manager": {"value": longest_key(character, "manager")},
        },
        ILMS: {"manager": {name: longest_key(character, name) for name in ("id", "displayName", "email")}},
    }


def group(character: str) -> dict[str, Any]:
    """Return a group with the longest of every key, and members that nobody is."""
    return {
        "displayName": longest_key(character),
        "externalId": longest_key(character),
        "members": [{"value": longest_key(character, "member")}],
    }


async def nothing_parked(product: Product, scim: Scim) -> None:
    """Fail where a fact of the tenant is parked; what was answered before is applied when a search is answered."""
    assert (await scim.get("/Users?count=0")).status == 200
    parked = "SELECT resource, reason FROM provisioning.parked JOIN lms.tenants USING (tenant) WHERE name = $1"
    assert not await product.database.fetch(parked, tenant_name(scim))


@pytest.mark.parametrize("character", ALPHABETS.values(), ids=ALPHABETS)
async def test_the_longest_keys_are_stored(product: Product, scim: Scim, character: str) -> None:
    """People, groups and members with keys of every kind at the limit have their rows; nothing is parked."""
    user = await scim.created(person(character))
    row = await product.row(user)
    sent = person(character)
    assert (row["user_name"], row["external_id"]) == (sent["userName"], sent["externalId"])
    assert (row["display_name"], row["employee_id"]) == (sent["displayName"], sent[ENTERPRISE]["employeeNumber"])
    assert row["email"] == sent["emails"][0]["value"]

    created = await scim.post("/Groups", group(character))
    assert created.status == 201, created
    read = await scim.get(f"/Groups/{created.body['id']}")
    assert read.body["displayName"] == group(character)["displayName"]
    waiting = await product.database.fetch(
        "SELECT value FROM lms.sent_references WHERE holder_id = ANY($1)", [user["id"], created.body["id"]]
    )
    members = [member["value"] for member in group(character)["members"]]
    managers = [sent[ENTERPRISE]["manager"]["value"], *sent[ILMS]["manager"].values()]
    assert sorted(row["value"] for row in waiting) == sorted(members + managers)
    await nothing_parked(product, scim)


@pytest.mark.parametrize("character", ALPHABETS.values(), ids=ALPHABETS)
async def test_one_byte_more_is_refused(scim: Scim, character: str) -> None:
    """Of each key of a person, a group or a member; the answer names the attribute, the length and the limit."""
    key = one_byte_more(longest_key(character))
    characters = len(key) > KEY_CHARACTERS
    length, limit = (len(key), KEY_CHARACTERS) if characters else (key_bytes(key), KEY_BYTES)
    bodies = {
        "userName": ("/Users", {"userName": key}),
        "displayName": ("/Users", {"userName": "u", "displayName": key}),
        "externalId": ("/Users", {"userName": "u", "externalId": key}),
        "emails.value": ("/Users", {"userName": "u", "emails": [{"value": key}]}),
        "employeeNumber": ("/Users", {"userName": "u", ENTERPRISE: {"employeeNumber": key}}),
        "manager.value": ("/Users", {"userName": "u", ENTERPRISE: {"manager": {"value": key}}}),
        "manager.id": ("/Users", {"userName": "u", ILMS: {"manager": {"id": key}}}),
        "manager.displayName": ("/Users", {"userName": "u", ILMS: {"manager": {"displayName": key}}}),
        "manager.email": ("/Users", {"userName": "u", ILMS: {"manager": {"email": key}}}),
        "members.value": ("/Groups", {"displayName": "g", "members": [{"value": key}]}),
    }
    for name, (path, body) in bodies.items():
        reply = await scim.post(path, body)
        assert (reply.status, reply.body.get("scimType")) == (400, "invalidValue"), (name, reply)
        detail = reply.body["detail"]
        assert name in detail
        assert str(length) in detail
        assert str(limit) in detail
    assert (await scim.post("/Groups", {"displayName": key})).status == 400
    assert (await scim.post("/Groups", {"displayName": "g", "externalId": key})).status == 400


@pytest.mark.parametrize("character", ["a", "漢", "😀"])
async def test_the_longest_text_is_stored(product: Product, scim: Scim, character: str) -> None:
    """What no index holds may be long: the row has it whole, and a character more is refused."""
    text = character * TEXT_CHARACTERS
    emails = [{"value": f"{character}@x.test", "type": "work"}, {"value": "😀" * 501, "type": "other"}]
    user = await scim.created({"userName": f"text {character}", "emails": emails, "title": text})
    changed = await scim.patch(f"/Users/{user['id']}", {"op": "add", "path": f"{ENTERPRISE}:department", "value": text})
    assert changed.status == 200, changed
    assert (await product.row(changed.body))["department"] == text
    await nothing_parked(product, scim)
    reply = await scim.patch(f"/Users/{user['id']}", {"op": "add", "path": "title", "value": text + character})
    assert (reply.status, reply.body["scimType"]) == (400, "invalidValue")
    assert f"{TEXT_CHARACTERS + 1} characters" in reply.body["detail"]


async def test_an_address_that_becomes_the_first_must_fit_then(scim: Scim) -> None:
    """A second address may be longer than an index takes; where a change makes it the person's own, it is refused."""
    emails = [{"value": "first@x.test", "type": "work"}, {"value": "😀" * 501, "type": "other"}]
    user = await scim.created({"userName": "two addresses", "emails": emails})
    reply = await scim.patch(f"/Users/{user['id']}", {"op": "remove", "path": 'emails[type eq "work"]'})
    assert (reply.status, reply.body["scimType"]) == (400, "invalidValue")
    assert "emails.value" in reply.body["detail"]


@pytest.mark.parametrize("character", ALPHABETS.values(), ids=ALPHABETS)
async def test_the_longest_keys_are_found(scim: Scim, character: str) -> None:
    """What was accepted can be matched: by GET and by .search, whichever way its characters are escaped."""
    mark = "found"
    user = {"userName": longest_key(character, mark), "externalId": longest_key(character, mark)}
    created = await scim.created(user)
    for name, value in user.items():
        for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
            condition = f"{name} eq {text}"
            got = await scim.get(f"/Users?filter={quote(condition, safe='')}")
            posted = await scim.post("/Users/.search", {"filter": condition})
            assert [found["id"] for found in got.body["Resources"]] == [created["id"]]
            assert posted.body["Resources"] == got.body["Resources"]
    group = await scim.post("/Groups", {"displayName": longest_key(character, mark)})
    member = f"displayName eq {json.dumps(longest_key(character, mark), ensure_ascii=False)}"
    assert (await scim.get(f"/Groups?filter={quote(member)}")).body["Resources"][0]["id"] == group.body["id"]


async def test_thirty_of_the_longest_names_are_found_at_once(scim: Scim) -> None:
    """An or-chain of thirty names is read, however long the names and the name of the attribute are."""
    keys = [longest_key("😀", f"thirty {place}") for place in range(30)]
    created = [
        await scim.created({"userName": key, ENTERPRISE: {"employeeNumber": key}}) for key in (keys[0], keys[-1])
    ]
    for name in ("userName", f"{ENTERPRISE}:employeeNumber"):
        found = await scim.post("/Users/.search", {"filter": " or ".join(f'{name} eq "{key}"' for key in keys)})
        assert found.status == 200, found
        assert [person["id"] for person in found.body["Resources"]] == [person["id"] for person in created]
    names = " or ".join(f'userName eq "ada.{place}@漢字.example"' for place in range(30))
    assert (await scim.get(f"/Users?filter={quote(names, safe='')}")).status == 200
