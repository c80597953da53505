"""P, but for managers: how Entra changes people."""

from typing import Any

from rollbook_contracts.urns import ENTERPRISE, ILMS
from support.people import ada, jo
from support.wire.answers import ids, no_content, refused, resource, version
from support.wire.organization import Organization, Wire

WORK = 'emails[type eq "work"].value'


async def _sent(wire: Wire, organization: Organization, person: dict[str, Any], **names: str) -> dict[str, Any]:
    """Send the case's operations for a person; the answer is the person as GET shows it."""
    reply = await organization.idp.send("PATCH", f"/Users/{person['id']}", wire.body(id=person["id"], **names))
    changed = resource(reply)
    assert changed["id"] == person["id"]
    assert {**changed, "groups": None} == {**await organization.read(person), "groups": None}
    return changed


async def _applied(organization: Organization, person: dict[str, Any], **operation: Any) -> dict[str, Any]:
    """Send one operation."""
    return resource(await organization.idp.patch(f"/Users/{person['id']}", operation))


async def p01_deactivated_by_text(wire: Wire) -> None:
    """The text "False" deactivates; the answer has a real boolean and the whole person."""
    organization = await wire.organization()
    [there] = await organization.people(ada())
    changed = await _sent(wire, organization, there)
    assert changed["active"] is False
    assert changed["userName"] == "ada@contoso.com"
    assert (await organization.row(there))["active"] is False


async def p02_deactivated_by_a_boolean(wire: Wire) -> None:
    """Entra's flag makes it a boolean."""
    organization = await wire.organization()
    [there] = await organization.people(ada())
    assert (await _sent(wire, organization, there))["active"] is False
    assert (await organization.row(there))["active"] is False


async def p03_restored_with_the_memberships(wire: Wire) -> None:
    """Active again, as the same person, a member of the same groups all the while."""
    organization = await wire.organization()
    [there] = await organization.people(ada())
    group = await organization.group("Learners", there)
    await _applied(organization, there, op="Replace", path="active", value="False")
    assert await organization.members(group) == {there["id"]}
    changed = await _sent(wire, organization, there)
    assert changed["active"] is True
    assert (await organization.row(there))["active"] is True
    assert await organization.members(group) == {there["id"]}
    assert [shown["value"] for shown in (await organization.read(group, "Groups"))["members"]] == [there["id"]]


async def p04_add_replaces_a_single_value(wire: Wire) -> None:
    """Add on a region gives it the new value."""
    organization = await wire.organization()
    [there] = await organization.people(ada())
    assert (await _sent(wire, organization, there))[ILMS] == {"region": "EMEA"}
    assert (await organization.row(there))["region"] == "EMEA"


async def p05_one_wrong_value_and_nothing_is_applied(wire: Wire) -> None:
    """400 that says what is allowed; the person and the version stay as they were."""
    organization = await wire.organization()
    [there] = await organization.people(ada())
    reply = await organization.idp.send("PATCH", f"/Users/{there['id']}", wire.body())
    refused(reply, 400, "invalidValue", "region", "Atlantis", "US-East", "EMEA")
    after = await organization.read(there)
    assert (after["displayName"], after[ILMS], after["meta"]) == ("Ada L", {"region": "US-East"}, there["meta"])


async def p06_a_region_is_not_removed(wire: Wire) -> None:
    """400 mutability that says what is required, invalidValue for an empty value; but not where there is a default."""
    organization = await wire.organization()
    [there] = await organization.people(ada())
    path = f"/Users/{there['id']}"
    refused(await organization.idp.send("PATCH", path, wire.body()), 400, "mutability", f"{ILMS}:region")
    emptied = {"op": "Replace", "path": f"{ILMS}:region", "value": ""}
    refused(await organization.idp.patch(path, emptied), 400, "invalidValue", f"{ILMS}:region")
    assert (await organization.read(there))["meta"] == there["meta"]
    lenient = await wire.organization(default_region="EMEA")
    [other] = await lenient.people(ada())
    assert ILMS not in await _sent(wire, lenient, other)


async def p07_a_hire_date_comes_back_as_it_was_sent(wire: Wire) -> None:
    """Seven digits of a second are accepted and returned; the table has the date."""
    organization = await wire.organization()
    [there] = await organization.people(ada())
    changed = await _sent(wire, organization, there)
    assert changed[ILMS]["hireDate"] == "2026-08-07T12:34:56.1234567Z"
    assert str((await organization.row(there))["hire_date"]) == "2026-08-07"


HIRE_DATES = (
    "1/15/2024 12:00:00 AM",
    "1/15/2024",
    "01/15/2024 1:05 PM",
    "2024-01-15",
    "2024-01-15T00:00:00",
    "2024-01-15T00:00:00Z",
    "2024-01-15T00:00:00+00:00",
    "2024-01-15T00:00:00.5788954+02:00",
    "2024-01-15T23:59:59.999999999-11:00",
)


async def p08_hire_dates_in_every_form(wire: Wire) -> None:
    """Each form is accepted, returned as it was sent, and the same date in the table; what is no date is 400."""
    organization = await wire.organization()
    [there] = await organization.people(ada())
    changed = await _sent(wire, organization, there)
    assert changed[ILMS]["hireDate"] == HIRE_DATES[0]
    for sent in HIRE_DATES:
        await _applied(organization, there, op="Replace", path=f"{ILMS}:hireDate", value=sent)
        assert (await organization.read(there))[ILMS]["hireDate"] == sent
        assert str((await organization.row(there))["hire_date"]) == "2024-01-15", sent
    for wrong in ("15/1/2024", "soon", "2024-02-30", 20240115):
        operation = {"op": "Replace", "path": f"{ILMS}:hireDate", "value": wrong}
        refused(await organization.idp.patch(f"/Users/{there['id']}", operation), 400, "invalidValue", "hireDate")


async def p09_only_the_address_changes(wire: Wire) -> None:
    """Type and primary are kept, and the other address too."""
    organization = await wire.organization()
    home = {"type": "home", "value": "ada@home.example"}
    [there] = await organization.people(ada(emails=[home, *ada()["emails"]]))
    changed = await _sent(wire, organization, there)
    assert changed["emails"] == [home, {"primary": True, "type": "work", "value": "new@contoso.com"}]
    assert (await organization.row(there))["email"] == "new@contoso.com"


async def p10_one_element_is_made_for_each_type(wire: Wire) -> None:
    """Adds under filters that match nothing make one element each, which later operations use."""
    organization = await wire.organization()
    [there] = await organization.people(ada(emails=None))
    changed = await _sent(wire, organization, there)
    assert changed["emails"] == [{"type": "work", "value": "n@x.com"}]
    assert changed["addresses"] == [{"type": "work", "region": "R", "locality": "L"}]
    assert changed["phoneNumbers"] == [{"type": "mobile", "value": "1"}]
    assert (await organization.row(there))["email"] == "n@x.com"
    assert {**await _sent(wire, organization, there)} == changed


async def p11_a_boolean_in_a_filter_as_text(wire: Wire) -> None:
    """The literal "True" makes a role that is really primary, and then matches it."""
    organization = await wire.organization()
    [there] = await organization.people(ada())
    changed = await _sent(wire, organization, there)
    assert changed["roles"] == [{"primary": True, "value": "Admin"}]
    changed = await _applied(organization, there, op="Replace", path='roles[primary eq "True"].value', value="Other")
    assert changed["roles"] == [{"primary": True, "value": "Other"}]
    reply = await organization.idp.get('/Users?filter=roles[primary+eq+"True"+and+value+eq+"Other"]')
    assert ids(reply) == [there["id"]]


async def p12_roles_as_json_in_text(wire: Wire) -> None:
    """The object inside the text is the role."""
    organization = await wire.organization()
    [there] = await organization.people(ada())
    assert (await _sent(wire, organization, there))["roles"] == [{"value": "25", "display": "Role1"}]


async def p13_names_in_a_value_without_path_are_paths(wire: Wire) -> None:
    """Dotted and URN-qualified names inside a path-less value are paths."""
    organization = await wire.organization()
    [there] = await organization.people(ada())
    changed = await _sent(wire, organization, there)
    assert changed["displayName"] == "Bjfe"
    assert changed["name"] == {"formatted": "Ada L", "givenName": "Kkom", "familyName": "Unua"}
    assert changed[ENTERPRISE] == {"employeeNumber": "Aklq"}
    assert changed[ILMS] == {"region": "EMEA"}
    assert changed["emails"] == [{"primary": True, "type": "work", "value": "t@x.com"}]
    row = await organization.row(there)
    assert (row["given_name"], row["family_name"], row["employee_id"], row["region"]) == (
        "Kkom",
        "Unua",
        "Aklq",
        "EMEA",
    )


async def p24_many_operations_are_one_version(wire: Wire) -> None:
    """Applied in order as one new version; a taken identifier is 409 and nothing is applied."""
    organization = await wire.organization()
    there, _ = await organization.people(ada(), jo())
    changed = await _sent(wire, organization, there)
    assert (changed["displayName"], changed["externalId"]) == ("P", "E")
    assert (changed["emails"][0]["value"], changed["name"]["givenName"]) == ("p@x.com", "G")
    assert changed[ENTERPRISE]["employeeNumber"] == "7"
    assert await organization.predecessor(version(changed)) == version(there)
    assert (await organization.row(there))["fact_seq"] == version(changed)
    twice = [{"op": "Replace", "path": "title", "value": value} for value in ("first", "second")]
    assert resource(await organization.idp.patch(f"/Users/{there['id']}", *twice))["title"] == "second"
    before = await organization.read(there)
    taken = [
        {"op": "Replace", "path": "displayName", "value": "Q"},
        {"op": "Replace", "path": WORK, "value": "jo@okta.local"},
    ]
    refused(await organization.idp.patch(f"/Users/{there['id']}", *taken), 409, "uniqueness")
    assert await organization.read(there) == before


async def p25_empty_and_null_clear(wire: Wire) -> None:
    """Replace with "" and with null leave the attributes absent."""
    organization = await wire.organization()
    [there] = await organization.people(ada(title="Boss", **{ILMS: {"region": "EMEA", "customField1": "x"}}))
    assert (await organization.row(there))["custom_field1"] == "x"
    changed = await _sent(wire, organization, there)
    assert "title" not in changed
    assert changed[ILMS] == {"region": "EMEA"}
    assert (await organization.row(there))["custom_field1"] is None


async def p26_an_unknown_attribute_is_ignored(wire: Wire) -> None:
    """200 and no new version; the same for every unknown path, and beside it what is known is applied."""
    organization = await wire.organization()
    [there] = await organization.people(ada())
    assert (await _sent(wire, organization, there))["meta"] == there["meta"]
    for path in ("shoeSize", f"{ILMS}:shoeSize", f"{ENTERPRISE}:shoe.size", 'shoes[type eq "left"].size'):
        assert (await _applied(organization, there, op="Add", path=path, value="1"))["meta"] == there["meta"]
    operations = [*wire.body()["Operations"], {"op": "Add", "path": "title", "value": "Boss"}]
    assert resource(await organization.idp.patch(f"/Users/{there['id']}", *operations))["title"] == "Boss"


async def p27_nobody_cannot_be_changed(wire: Wire) -> None:
    """404 with an error body, whatever the id looks like, also for one who was there."""
    organization = await wire.organization()
    [there] = await organization.people(ada())
    no_content(await organization.idp.delete(f"/Users/{there['id']}"))
    for user_id in ("usr_00000000000000000000000000", "nobody", "a%20b", "usr_", there["id"]):
        refused(await organization.idp.send("PATCH", f"/Users/{user_id}", wire.body()), 404)
    assert ids(await organization.idp.get("/Users")) == []
