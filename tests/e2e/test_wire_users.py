"""The wire checklist for users, case by case: what Entra and Okta send, and what they must get back."""

import uuid
from typing import Any

import aiohttp
import pytest

from rollbook_contracts.urns import ENTERPRISE, ILMS
from support.people import ada, jo, somebody
from support.product import Product
from support.scim import MEDIA_TYPE, Scim

LIST_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
USER_ID = "usr_00000000000000000000000000"


@pytest.fixture
async def scim(product: Product) -> Scim:
    """Lend a tenant of its own, with the regions that the cases need."""
    return await product.new_tenant(regions=("US-East", "EMEA"))


def assert_error(reply: Any, status: int, scim_type: str | None = None) -> None:
    assert reply.status == status, reply
    assert reply.headers["Content-Type"].startswith(MEDIA_TYPE)
    assert reply.body["schemas"] == [ERROR]
    assert reply.body["status"] == str(status)
    assert reply.body["detail"]
    assert reply.body.get("scimType") == scim_type


def assert_empty_list(reply: Any) -> None:
    assert reply.status == 200, reply
    assert reply.body["schemas"] == [LIST_RESPONSE]
    assert reply.body["totalResults"] == 0
    assert reply.body["itemsPerPage"] == 0
    assert reply.body.get("Resources", []) == []


@pytest.mark.parametrize(
    "condition",
    [
        pytest.param('userName+eq+"{}"', id="A01"),
        pytest.param('emails[type+eq+"work"].value+eq+"{}"', id="A02"),
        pytest.param(ENTERPRISE + ':employeeNumber+eq+"{}"', id="A03"),
        pytest.param('externalId+eq+"{}"', id="M04"),
        pytest.param("userName%20eq%20%22{}%22&startIndex=1&count=100", id="M09"),
    ],
)
async def test_a_filter_that_matches_nobody_answers_an_empty_list(scim: Scim, condition: str) -> None:
    """Entra's test connection with a random GUID is 200 with nothing in it, whatever it matches by."""
    await scim.created(ada())
    assert_empty_list(await scim.get("/Users?filter=" + condition.format(uuid.uuid4())))


async def test_a04_no_user_agent_is_needed(scim: Scim) -> None:
    """Entra may send no User-Agent."""
    async with aiohttp.ClientSession(skip_auto_headers=["User-Agent"]) as session:
        assert_empty_list(await Scim(session, scim.tenant_url, scim.token).get('/Users?filter=userName+eq+"x"'))


async def test_a06_okta_tests_the_connection_on_an_empty_tenant(scim: Scim) -> None:
    """The first page of an empty tenant has whole numbers and no people."""
    reply = await scim.get("/Users?startIndex=1&count=2")
    assert_empty_list(reply)
    assert [type(reply.body[name]) for name in ("totalResults", "startIndex", "itemsPerPage")] == [int, int, int]


async def test_a07_a_bearer_token_is_admitted(scim: Scim) -> None:
    """The token issued with the Tenant URL opens it."""
    assert (await scim.get("/Users")).status == 200


@pytest.mark.parametrize("authorization", ["non-token", "Bearer non-token", "Bearer rb_aaaaaaaaaaaa_" + "a" * 43])
async def test_a09_a_wrong_token_is_an_error_body(scim: Scim, authorization: str) -> None:
    """401 is a SCIM error, with the status as text."""
    reply = await scim.send(
        "GET",
        '/Users?filter=userName%20eq%20"X"',
        headers={"Authorization": authorization},
    )
    assert_error(reply, 401)


async def test_a10_without_authorization_the_challenge_is_bearer(scim: Scim) -> None:
    """No Authorization: 401 with WWW-Authenticate, on every address of the tenant, known or not."""
    async with aiohttp.ClientSession() as session:
        for path in ("/Users", "/Schemas", "/nothing"):
            async with session.get(scim.tenant_url + path) as response:
                assert response.status == 401
                assert response.headers["WWW-Authenticate"] == "Bearer"
                assert response.headers["Content-Type"].startswith(MEDIA_TYPE)


async def test_a11_another_tenants_token_is_no_token(scim: Scim, product: Product) -> None:
    """A valid token at another Tenant URL is 401, not 404 and no data."""
    other = await product.new_tenant(regions=("US-East",))
    assert_error(await scim.send("GET", "/Users", headers={"Authorization": f"Bearer {other.token}"}), 401)


async def test_m01_user_names_match_without_case(scim: Scim) -> None:
    """A filter in capitals finds the one who was created in small letters."""
    created = await scim.created(ada())
    reply = await scim.get('/Users?filter=userName+eq+"ADA%40CONTOSO.COM"')
    assert [user["id"] for user in reply.body["Resources"]] == [created["id"]]
    assert reply.body["totalResults"] == 1


async def test_m02_work_addresses_match_without_case(scim: Scim) -> None:
    """Exactly the person whose work address it is."""
    created = await scim.created(ada())
    home = [{"type": "home", "value": "ada@contoso.com"}, {"type": "work", "value": "two@contoso.com"}]
    await scim.created(ada(userName="two", externalId="two", emails=home))
    reply = await scim.get('/Users?filter=emails[type+eq+"work"].value+eq+"Ada%40Contoso.com"')
    assert [user["id"] for user in reply.body["Resources"]] == [created["id"]]


@pytest.mark.parametrize("unique_identifier", ["email", "employee-id"])
async def test_m03_employee_numbers_match(product: Product, unique_identifier: Any) -> None:
    """Whether or not the employee number is the unique identifier."""
    scim = await product.new_tenant(regions=("US-East",), unique_identifier=unique_identifier)
    created = await scim.created(ada(**{ENTERPRISE: {"employeeNumber": "1234567"}}))
    reply = await scim.get(f"/Users?filter={ENTERPRISE}:employeeNumber%20eq%20%221234567%22")
    assert [user["id"] for user in reply.body["Resources"]] == [created["id"]]


async def test_m04_external_ids_match_exactly(scim: Scim) -> None:
    """externalId is case-exact."""
    created = await scim.created(ada(externalId="2a69c9a6-AA"))
    assert [user["id"] for user in await scim.find('externalId eq "2a69c9a6-AA"')] == [created["id"]]
    assert await scim.find('externalId eq "2a69c9a6-aa"') == []


async def test_m05_the_query_is_decoded_once(scim: Scim) -> None:
    """%2B is a plus, + is a blank, %26 an ampersand."""
    created = await scim.created(ada(userName="a+b@x.com", displayName="R&D"))
    for condition in ('userName+eq+"a%2Bb%40x.com"', 'displayName+eq+"R%26D"'):
        reply = await scim.get(f"/Users?filter={condition}")
        assert [user["id"] for user in reply.body["Resources"]] == [created["id"]]


async def test_m10_pages_are_stable_and_hold_the_inactive(scim: Scim) -> None:
    """Pages follow each other without gap or repeat, echo their start, and include inactive people."""
    created = [(await scim.created(somebody(number, active=number % 2 == 0)))["id"] for number in range(7)]
    pages = [(await scim.get(f"/Users?startIndex={start}&count=3")).body for start in (1, 4, 7)]
    assert [page["startIndex"] for page in pages] == [1, 4, 7]
    assert [page["itemsPerPage"] for page in pages] == [3, 3, 1]
    assert [page["totalResults"] for page in pages] == [7, 7, 7]
    assert [user["id"] for page in pages for user in page["Resources"]] == created


@pytest.mark.parametrize(
    ("query", "start", "listed"),
    [("startIndex=1&count=0", 1, 0), ("startIndex=0", 1, 2), ("count=-1", 1, 0), ("startIndex=99999", 99999, 0)],
)
async def test_m11_odd_pages(scim: Scim, query: str, start: int, listed: int) -> None:
    """Zero and negative numbers are read as 1 and 0; a page past the end is empty; the total is told."""
    for number in range(2):
        await scim.created(somebody(number))
    reply = await scim.get(f"/Users?{query}")
    assert reply.status == 200
    assert reply.body["totalResults"] == 2
    assert reply.body["startIndex"] == start
    assert len(reply.body.get("Resources", [])) == reply.body["itemsPerPage"] == listed


async def test_m12_co_works_and_garbage_is_an_invalid_filter(scim: Scim) -> None:
    """A malformed filter is 400 invalidFilter with an error body."""
    created = await scim.created(ada())
    assert [user["id"] for user in await scim.find('userName co "contoso"')] == [created["id"]]
    assert_error(await scim.get("/Users?filter=garbage("), 400, "invalidFilter")


async def test_c01_created_as_entra_creates(scim: Scim) -> None:
    """201, Location, id, meta, and the extension's URN among the schemas although the request did not list it."""
    reply = await scim.post("/Users", ada())
    assert reply.status == 201
    location = f"{scim.tenant_url}/Users/{reply.body['id']}"
    assert reply.headers["Location"] == location
    assert reply.body["meta"]["resourceType"] == "User"
    assert reply.body["meta"]["location"] == location
    assert reply.headers["ETag"] == reply.body["meta"]["version"]
    assert ILMS in reply.body["schemas"]
    assert reply.body[ILMS] == {"region": "US-East"}
    assert (await scim.get(f"/Users/{reply.body['id']}")).body == reply.body


async def test_c03_booleans_as_text(scim: Scim) -> None:
    """ "True" and "False" are booleans everywhere; answers carry real ones."""
    roles = [{"value": "Admin", "primary": "True"}, {"value": "Other", "primary": "False"}]
    created = await scim.created(ada(active="False", roles=roles))
    assert created["active"] is False
    assert [role["primary"] for role in created["roles"]] == [True, False]


async def test_c04_nulls_mean_absent(scim: Scim) -> None:
    """Nulls and empty arrays mean absent, also of attributes that the core schema does not have."""
    body = {
        **ada(roles=[]),
        "addresses": None,
        "phoneNumbers": None,
        "title": None,
        "department": None,
        "manager": None,
    }
    created = await scim.created(body)
    assert {"addresses", "phoneNumbers", "title", "department", "manager", "roles"}.isdisjoint(created)


async def test_c05_an_unknown_schema_is_no_error(scim: Scim) -> None:
    """A misspelt entry in schemas is overlooked."""
    misspelt = "urn:ietf:params:scim:schemas:extension:enterprise:2.0User"
    created = await scim.created(ada(schemas=[ada()["schemas"][0], misspelt]))
    assert misspelt not in created["schemas"]


async def test_c06_names_of_attributes_ignore_case(scim: Scim) -> None:
    """What is sent in any case comes back in the schema's."""
    body = ada(userName=None, active=None)
    created = await scim.created({**body, "UserName": "ada@contoso.com", "Active": True})
    assert created["userName"] == "ada@contoso.com"
    assert created["active"] is True
    assert "UserName" not in created


async def test_c10_a_user_name_in_other_case_is_taken(scim: Scim) -> None:
    """409 uniqueness, with the status as text."""
    await scim.created(ada())
    assert_error(await scim.post("/Users", ada(userName="ADA@contoso.com", emails=None)), 409, "uniqueness")


async def test_c11_a_work_address_is_taken(scim: Scim) -> None:
    """Another userName with somebody's work address is 409 where the e-mail address is the unique identifier."""
    await scim.created(ada())
    assert_error(await scim.post("/Users", ada(userName="ada2@contoso.com")), 409, "uniqueness")


async def test_c12_the_deactivated_stay_found(scim: Scim) -> None:
    """POST of a deactivated person is 409, and the filter finds the one to link to."""
    created = await scim.created(ada())
    await scim.patch(f"/Users/{created['id']}", {"op": "Replace", "path": "active", "value": "False"})
    assert_error(await scim.post("/Users", ada()), 409, "uniqueness")
    found = await scim.find('userName eq "ada@contoso.com"')
    assert [(user["id"], user["active"]) for user in found] == [(created["id"], False)]


async def test_c13_created_as_okta_creates(scim: Scim, product: Product) -> None:
    """201 with a body; the password is nowhere; groups are ignored."""
    created = await scim.created(jo())
    assert created["userName"] == "jo@okta.local"
    assert {"password", "groups"}.isdisjoint(created)
    assert "1mz050nq" not in await product.everything_stored()


async def test_c17_an_address_without_type_is_the_work_address(scim: Scim) -> None:
    """Okta may leave the type out: the primary address is matched and claimed as the work address."""
    created = await scim.created(jo(emails=[{"primary": True, "value": "jo@okta.local"}]))
    found = await scim.find('emails[type eq "work"].value eq "jo@okta.local"')
    assert [user["id"] for user in found] == [created["id"]]
    assert_error(await scim.post("/Users", jo(userName="other")), 409, "uniqueness")


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param({"op": "Replace", "path": "active", "value": "False"}, id="P01"),
        pytest.param({"op": "replace", "path": "active", "value": False}, id="P02"),
        pytest.param({"op": "replace", "value": {"active": False}}, id="O06"),
    ],
)
async def test_deactivation_by_patch(scim: Scim, operation: dict[str, Any]) -> None:
    """200 with the whole person, active as a real boolean."""
    created = await scim.created(ada())
    reply = await scim.patch(f"/Users/{created['id']}", operation)
    assert reply.status == 200
    assert reply.body["active"] is False
    assert reply.body["userName"] == "ada@contoso.com"
    assert (await scim.get(f"/Users/{created['id']}")).body == reply.body


async def test_p04_add_replaces_a_single_value(scim: Scim) -> None:
    """Add on region gives it the new value."""
    created = await scim.created(ada())
    reply = await scim.patch(f"/Users/{created['id']}", {"op": "Add", "path": f"{ILMS}:region", "value": "EMEA"})
    assert reply.status == 200
    assert reply.body[ILMS] == {"region": "EMEA"}


async def test_p07_a_hire_date_comes_back_as_it_was_sent(scim: Scim, product: Product) -> None:
    """Seven digits of a second are accepted and returned; the table has the date."""
    sent = "2026-08-07T12:34:56.1234567Z"
    created = await scim.created(ada())
    path = f"/Users/{created['id']}"
    reply = await scim.patch(path, {"op": "Replace", "path": f"{ILMS}:hireDate", "value": sent})
    assert reply.status == 200
    assert (await scim.get(path)).body[ILMS]["hireDate"] == sent
    assert str((await product.row(reply.body))["hire_date"]) == "2026-08-07"


async def test_p09_a_value_under_a_type_filter(scim: Scim) -> None:
    """Only the address changes; primary and type are kept."""
    created = await scim.created(ada())
    operation = {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "new@contoso.com"}
    reply = await scim.patch(f"/Users/{created['id']}", operation)
    assert reply.body["emails"] == [{"primary": True, "type": "work", "value": "new@contoso.com"}]


async def test_p10_elements_are_created_from_their_filter_once(scim: Scim) -> None:
    """Adds under filters that match nothing make one element each, which later operations use."""
    created = await scim.created(ada(emails=None))
    reply = await scim.patch(
        f"/Users/{created['id']}",
        {"op": "Add", "path": 'emails[type eq "work"].value', "value": "n@x.com"},
        {"op": "Add", "path": 'addresses[type eq "work"].region', "value": "R"},
        {"op": "Add", "path": 'addresses[type eq "work"].locality', "value": "L"},
        {"op": "Add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "1"},
    )
    assert reply.status == 200
    assert reply.body["emails"] == [{"type": "work", "value": "n@x.com"}]
    assert reply.body["addresses"] == [{"type": "work", "region": "R", "locality": "L"}]
    assert reply.body["phoneNumbers"] == [{"type": "mobile", "value": "1"}]


async def test_p11_a_boolean_in_a_filter_as_text(scim: Scim) -> None:
    """roles[primary eq "True"] makes a role whose primary is a real boolean."""
    created = await scim.created(ada())
    operation = {"op": "Add", "path": 'roles[primary eq "True"].value', "value": "Admin"}
    reply = await scim.patch(f"/Users/{created['id']}", operation)
    assert reply.body["roles"] == [{"primary": True, "value": "Admin"}]


async def test_p12_roles_as_json_in_text(scim: Scim) -> None:
    """Entra's roles, JSON in a string, are no error."""
    created = await scim.created(ada())
    role = '{"id":"06b0","value":"25","displayName":"Role1"}'
    reply = await scim.patch(f"/Users/{created['id']}", {"op": "Add", "path": "roles", "value": [{"value": role}]})
    assert reply.status == 200


async def test_p13_keys_of_a_value_without_path_are_paths(scim: Scim) -> None:
    """Dotted and URN-qualified keys inside a path-less value are paths."""
    created = await scim.created(ada())
    value = {
        "displayName": "Bjfe",
        "name.givenName": "Kkom",
        "name.familyName": "Unua",
        f"{ENTERPRISE}:employeeNumber": "Aklq",
        f"{ILMS}:region": "EMEA",
    }
    reply = await scim.patch(
        f"/Users/{created['id']}",
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": "t@x.com"},
        {"op": "replace", "value": value},
    )
    assert reply.status == 200
    assert reply.body["displayName"] == "Bjfe"
    assert reply.body["name"] == {"formatted": "Ada L", "givenName": "Kkom", "familyName": "Unua"}
    assert reply.body[ENTERPRISE]["employeeNumber"] == "Aklq"
    assert reply.body[ILMS] == {"region": "EMEA"}
    assert reply.body["emails"][0]["value"] == "t@x.com"


async def test_p24_many_operations_are_one_version(scim: Scim) -> None:
    """Applied in order as one new version; a taken identifier is 409 and nothing is applied."""
    created = await scim.created(ada())
    await scim.created(ada(userName="other", emails=[{"type": "work", "value": "taken@x.com"}]))
    path = f"/Users/{created['id']}"
    operations = [
        {"op": "Replace", "path": "displayName", "value": "P"},
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "p@x.com"},
        {"op": "Replace", "path": "name.givenName", "value": "G"},
        {"op": "Replace", "path": "externalId", "value": "E"},
        {"op": "Replace", "path": f"{ENTERPRISE}:employeeNumber", "value": "7"},
    ]
    reply = await scim.patch(path, *operations)
    assert reply.status == 200
    assert (reply.body["displayName"], reply.body["externalId"]) == ("P", "E")
    assert reply.body["meta"]["version"] != created["meta"]["version"]
    taken = {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "taken@x.com"}
    assert_error(
        await scim.patch(path, {"op": "Replace", "path": "displayName", "value": "Q"}, taken), 409, "uniqueness"
    )
    assert (await scim.get(path)).body == reply.body


async def test_p25_empty_and_null_clear(scim: Scim) -> None:
    """Replace with "" and with null leave the attributes absent."""
    created = await scim.created(ada(title="Boss", **{ILMS: {"region": "EMEA", "customField1": "x"}}))
    reply = await scim.patch(
        f"/Users/{created['id']}",
        {"op": "replace", "path": f"{ILMS}:customField1", "value": ""},
        {"op": "replace", "path": "title", "value": None},
    )
    assert reply.status == 200
    assert "title" not in reply.body
    assert reply.body[ILMS] == {"region": "EMEA"}


@pytest.mark.parametrize("user_id", [USER_ID, "nobody", "a%20b", "usr_"])
async def test_p27_nobody_cannot_be_changed(scim: Scim, user_id: str) -> None:
    """404 with an error body for an id that names nobody, whatever it looks like."""
    path = f"/Users/{user_id}"
    assert_error(await scim.patch(path, {"op": "Replace", "path": "active", "value": "False"}), 404)
    assert_error(await scim.put(path, jo()), 404)
    assert_error(await scim.get(path), 404)
    assert_error(await scim.delete(path), 404)
    assert_empty_list(await scim.get("/Users"))


async def test_o01_put_of_what_get_returned(scim: Scim) -> None:
    """The body of GET with changes is taken; id, meta and groups in it are ignored."""
    created = await scim.created(jo())
    path = f"/Users/{created['id']}"
    body = {**(await scim.get(path)).body, "title": "Boss", "groups": [], "meta": {"location": "..."}, "id": "other"}
    reply = await scim.put(path, body)
    assert reply.status == 200
    assert reply.body["id"] == created["id"]
    assert reply.body["title"] == "Boss"
    assert reply.body["meta"]["created"] == created["meta"]["created"]


async def test_o02_deactivation_never_fails_on_a_value(scim: Scim, product: Product) -> None:
    """A region that is no longer allowed, or is not sent, does not keep Okta from deactivating."""
    created = await scim.created(jo())
    await product.set_regions(scim, ("EMEA",))
    path = f"/Users/{created['id']}"
    reply = await scim.put(path, {**(await scim.get(path)).body, "active": False})
    assert reply.status == 200
    assert reply.body["active"] is False
    other = await scim.created(jo(userName="b", emails=None, **{ILMS: {"region": "EMEA"}}))
    without = jo(userName="b", emails=None, active=False)
    del without[ILMS]
    assert (await scim.put(f"/Users/{other['id']}", without)).body["active"] is False


async def test_o03_put_without_password(scim: Scim) -> None:
    """A password that is not sent again is no change."""
    created = await scim.created(jo())
    body = jo()
    del body["password"]
    reply = await scim.put(f"/Users/{created['id']}", body)
    assert reply.status == 200
    assert reply.body["meta"]["version"] == created["meta"]["version"]


async def test_o04_put_cannot_take_a_name(scim: Scim) -> None:
    """Renaming to somebody else's userName is 409."""
    await scim.created(ada())
    created = await scim.created(jo())
    assert_error(await scim.put(f"/Users/{created['id']}", jo(userName="ada@contoso.com")), 409, "uniqueness")


async def test_o05_put_adopts_a_person(scim: Scim) -> None:
    """PUT on somebody the filter found stores externalId and makes no second person."""
    created = await scim.created(jo(externalId=None))
    [found] = await scim.find('userName eq "jo@okta.local"')
    reply = await scim.put(f"/Users/{found['id']}", jo())
    assert reply.status == 200
    assert reply.body["externalId"] == jo()["externalId"]
    assert [user["id"] for user in await scim.find('userName eq "jo@okta.local"')] == [created["id"]]


async def test_o07_a_password_alone_is_ignored(scim: Scim) -> None:
    """Okta's password sync is answered 200 and keeps nothing."""
    created = await scim.created(jo())
    reply = await scim.patch(f"/Users/{created['id']}", {"op": "replace", "value": {"password": "x"}})
    assert reply.status == 200
    assert reply.body["meta"]["version"] == created["meta"]["version"]


async def test_o08_a_deleted_person_is_gone_and_the_names_are_free(scim: Scim) -> None:
    """204; then GET and a second DELETE are 404, filters find nobody, and the identifier may be used again."""
    created = await scim.created(jo())
    path = f"/Users/{created['id']}"
    reply = await scim.delete(path)
    assert (reply.status, reply.body) == (204, None)
    assert_error(await scim.get(path), 404)
    assert await scim.find('userName eq "jo@okta.local"') == []
    assert_error(await scim.delete(path), 404)
    again = await scim.created(jo())
    assert again["id"] != created["id"]
