"""C: how Entra and Okta create people."""

from contextlib import redirect_stdout
from io import StringIO
from typing import Any

from rollbook_contracts.urns import ENTERPRISE, ILMS, USER
from support.people import ada, jo
from support.wire.answers import created, ids, refused
from support.wire.organization import Organization, Wire


async def _created(organization: Organization, body: Any) -> dict[str, Any]:
    """Create a person as the provider does; the answer is what GET shows."""
    person = created(await organization.idp.post("/Users", body))
    assert person == await organization.read(person, without="groups")
    return person


async def c01_created_as_entra_creates(wire: Wire) -> None:
    """201, Location, id, meta, and the extension's URN among the schemas although the request did not list it."""
    organization = await wire.organization()
    body = wire.body()
    assert ILMS not in body["schemas"]
    person = await _created(organization, body)
    assert person["meta"]["location"] == f"{organization.idp.tenant_url}/Users/{person['id']}"
    assert person["meta"]["resourceType"] == "User"
    assert person["schemas"] == [USER, ILMS]
    assert {name: person[name] for name in body if name not in {"schemas", "meta"}} == {
        name: body[name] for name in body if name not in {"schemas", "meta"}
    }
    row = await organization.row(person)
    assert (row["user_name"], row["email"], row["external_id"], row["display_name"], row["region"], row["active"]) == (
        "ada@contoso.com",
        "ada@contoso.com",
        "ada",
        "Ada L",
        "US-East",
        True,
    )


async def c02_a_manager_as_text_comes_back_as_an_object(wire: Wire) -> None:
    """A bare id is taken for the manager, and never given back as text."""
    organization = await wire.organization()
    [boss] = await organization.people(jo())
    body = wire.body()
    body[ENTERPRISE] |= {"manager": boss["id"]}
    person = await _created(organization, body)
    manager = (await organization.read(person))[ENTERPRISE]["manager"]
    assert manager["value"] == boss["id"]
    assert set(manager) <= {"value", "$ref", "displayName"}
    assert manager.get("$ref", boss["meta"]["location"]) == boss["meta"]["location"]
    assert manager.get("displayName", "Jo K") == "Jo K"
    assert (person[ENTERPRISE]["department"], person[ENTERPRISE]["employeeNumber"]) == ("Sales", "701984")
    row = await organization.row(person)
    assert (row["manager_id"], row["department"], row["employee_id"]) == (boss["id"], "Sales", "701984")


async def c03_booleans_as_text(wire: Wire) -> None:
    """ "True" and "False" are booleans everywhere; answers carry real ones."""
    organization = await wire.organization()
    person = await _created(organization, wire.body())
    assert person["active"] is True
    assert person["roles"] == [{"primary": True, "value": "Learner"}]
    other = await _created(organization, jo(active="False", roles=[{"primary": "False", "value": "Learner"}]))
    assert other["active"] is False
    assert other["roles"][0]["primary"] is False
    assert (await organization.row(other))["active"] is False


async def c04_nulls_mean_absent(wire: Wire) -> None:
    """Nulls and empty arrays mean absent, also of attributes that the core schema does not have."""
    organization = await wire.organization()
    person = await _created(organization, wire.body())
    assert {"addresses", "phoneNumbers", "title", "department", "manager", "roles", ENTERPRISE}.isdisjoint(person)
    row = await organization.row(person)
    assert (row["department"], row["manager_id"]) == (None, None)


async def c05_an_unknown_schema_is_no_error(wire: Wire) -> None:
    """A misspelt entry in schemas is overlooked."""
    organization = await wire.organization()
    person = await _created(organization, wire.body())
    assert person["schemas"] == [USER, ILMS]


async def c06_names_of_attributes_ignore_case(wire: Wire) -> None:
    """What is sent in any case comes back in the schema's."""
    organization = await wire.organization()
    person = await _created(organization, wire.body())
    assert (person["userName"], person["active"]) == ("ada@contoso.com", True)
    assert {"UserName", "Active"}.isdisjoint(person)
    assert (await organization.row(person))["user_name"] == "ada@contoso.com"


async def c07_a_region_is_required(wire: Wire) -> None:
    """400 that names the attribute to map, and nobody is made; with a default region the person gets that one."""
    organization = await wire.organization()
    refused(
        await organization.idp.post("/Users", wire.body()), 400, "invalidValue", f"{ILMS}:region", *("US-East", "EMEA")
    )
    assert ids(await organization.idp.get("/Users")) == []
    lenient = await wire.organization(default_region="EMEA")
    person = await _created(lenient, wire.body())
    assert person[ILMS] == {"region": "EMEA"}
    assert (await lenient.row(person))["region"] == "EMEA"


async def c08_a_region_that_is_not_allowed(wire: Wire) -> None:
    """400 that names the attribute, the value and what is allowed."""
    organization = await wire.organization()
    reply = await organization.idp.post("/Users", wire.body())
    refused(reply, 400, "invalidValue", "region", "Atlantis", "US-East", "EMEA")
    assert ids(await organization.idp.get("/Users")) == []


async def c09_divisions_and_departments_are_compared_leniently(wire: Wire) -> None:
    """Refused as a region is; case and surrounding blanks do not count, and the preconfigured spelling is stored."""
    organization = await wire.organization()
    reply = await organization.idp.post("/Users", wire.body())
    refused(reply, 400, "invalidValue", "division", "Nowhere", "Field")
    wrong = {**wire.body(), ENTERPRISE: {"division": "Field", "department": "Nowhere"}}
    refused(await organization.idp.post("/Users", wrong), 400, "invalidValue", "department", "Nowhere", "Sales")
    assert ids(await organization.idp.get("/Users")) == []
    sent = {**wire.body(), ENTERPRISE: {"division": " fIELD", "department": "SALES "}, ILMS: {"region": " us-east "}}
    person = await _created(organization, sent)
    assert person[ENTERPRISE] == {"division": "Field", "department": "Sales"}
    assert person[ILMS] == {"region": "US-East"}
    row = await organization.row(person)
    assert (row["region"], row["division"], row["department"]) == ("US-East", "Field", "Sales")


async def c10_a_user_name_in_other_case_is_taken(wire: Wire) -> None:
    """409 uniqueness, with the status as text, whatever the unique identifier is."""
    for identifier in ("email", "employee-id"):
        organization = await wire.organization(unique_identifier=identifier)
        [there] = await organization.people(ada())
        refused(await organization.idp.post("/Users", wire.body()), 409, "uniqueness")
        refused(await organization.idp.post("/Users", {**wire.body(), "emails": []}), 409, "uniqueness")
        assert ids(await organization.idp.get("/Users")) == [there["id"]]


async def c11_a_work_address_is_taken(wire: Wire) -> None:
    """Somebody's work address is taken where the e-mail address is the unique identifier, and only there."""
    organization = await wire.organization(unique_identifier="email")
    [there] = await organization.people(ada())
    refused(await organization.idp.post("/Users", wire.body()), 409, "uniqueness", "ada@contoso.com")
    assert ids(await organization.idp.get("/Users")) == [there["id"]]
    other = await wire.organization(unique_identifier="employee-id")
    await other.people(ada(**{ENTERPRISE: {"employeeNumber": "1"}}))
    await _created(other, {**wire.body(), ENTERPRISE: {"employeeNumber": "2"}})
    refused(await other.idp.post("/Users", jo(**{ENTERPRISE: {"employeeNumber": "2"}})), 409, "uniqueness")


async def c12_the_deactivated_stay_found(wire: Wire) -> None:
    """POST of a deactivated person is 409, and the filter finds the one to link to."""
    organization = await wire.organization()
    [there] = await organization.people(ada(active=False))
    refused(await organization.idp.post("/Users", wire.body()), 409, "uniqueness")
    reply = await organization.idp.get('/Users?filter=userName+eq+"ada%40contoso.com"')
    assert ids(reply) == [there["id"]]
    assert reply.body["Resources"][0]["active"] is False


async def c13_created_as_okta_creates(wire: Wire) -> None:
    """201 with a body; the password is in no store, no log line and no answer; groups are ignored."""
    organization = await wire.organization()
    with redirect_stdout(StringIO()) as printed:
        person = await _created(organization, wire.body())
    assert "request.answered" in printed.getvalue()
    assert wire.body()["password"] not in printed.getvalue()
    assert person["userName"] == "jo@okta.local"
    assert "password" not in person
    assert not person.get("groups")
    assert (await organization.row(person))["external_id"] == "00ujl29u0le5T6Aj10h7"
    assert wire.body()["password"] not in await organization.product.everything_stored()


async def c14_okta_maps_one_text_to_both_parts_of_the_manager(wire: Wire) -> None:
    """A nested manager whose e-mail address is a name: kept, and linked by that name."""
    organization = await wire.organization()
    [boss] = await organization.people(ada(displayName="Jane Boss"))
    person = await _created(organization, wire.body())
    assert person[ILMS] == wire.body()[ILMS]
    row = await organization.row(person)
    assert (row["region"], row["custom_field1"], str(row["hire_date"])) == ("US-East", "x", "2024-01-15")
    assert row["manager_id"] == boss["id"]


async def c15_flat_dotted_names_are_read_as_nested(wire: Wire) -> None:
    """The same person and the same link as if the parts had been nested."""
    organization = await wire.organization()
    emails = [{"type": "work", "value": "jane@x.com"}]
    [boss] = await organization.people(ada(displayName="Somebody Else", emails=emails))
    person = await _created(organization, wire.body())
    assert person[ILMS] == {"region": "US-East", "manager": {"displayName": "Jane Boss", "email": "jane@x.com"}}
    assert (await organization.row(person))["manager_id"] == boss["id"]


async def c16_empty_text_means_absent(wire: Wire) -> None:
    """An empty department is none and is not looked up among those allowed."""
    organization = await wire.organization()
    person = await _created(organization, wire.body())
    assert {"title", "nickName"}.isdisjoint(person)
    assert person[ENTERPRISE] == {"division": "Field"}
    row = await organization.row(person)
    assert (row["division"], row["department"]) == ("Field", None)


async def c17_an_address_without_type_is_the_work_address(wire: Wire) -> None:
    """It comes back as it was sent, and is matched and taken as the work address."""
    organization = await wire.organization()
    person = await _created(organization, wire.body())
    assert person["emails"] == [{"primary": True, "value": "jo@okta.local"}]
    assert ids(await organization.idp.get('/Users?filter=emails[type+eq+"work"].value+eq+"JO%40okta.local"')) == [
        person["id"]
    ]
    assert (await organization.row(person))["email"] == "jo@okta.local"
    refused(await organization.idp.post("/Users", jo(userName="other", externalId="other")), 409, "uniqueness")
