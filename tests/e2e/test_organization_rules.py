"""An organization's rules over HTTP: what is refused and how, what never is, and how the schemas tell them."""

from typing import Any

import msgspec
import pytest

from rollbook_contracts.settings import CustomField
from rollbook_contracts.urns import ENTERPRISE, ILMS
from support.people import ada
from support.product import Product, tenant_name
from support.scim import Scim

RULES: dict[str, Any] = {"regions": ("US-East", "EMEA"), "divisions": ("Field",), "departments": ("Sales", "R&D")}


@pytest.fixture
async def scim(product: Product) -> Scim:
    """Lend a tenant with all three lists."""
    return await product.new_tenant(**RULES)


async def set_regions(product: Product, scim: Scim, regions: tuple[str, ...]) -> None:
    """Change a tenant's regions."""
    await product.tenants().set(tenant_name(scim), lambda old: msgspec.structs.replace(old, regions=regions))


@pytest.mark.parametrize(
    ("attributes", "detail"),
    [
        ({ILMS: {"region": "Atlantis"}}, 'region "Atlantis" is not allowed here. Allowed values: US-East, EMEA.'),
        ({ENTERPRISE: {"division": "Moon"}}, 'division "Moon" is not allowed here. Allowed values: Field.'),
        ({ENTERPRISE: {"department": "X"}}, 'department "X" is not allowed here. Allowed values: Sales, R&D.'),
    ],
)
async def test_a_wrong_value_is_named_with_the_allowed_ones(scim: Scim, attributes: Any, detail: str) -> None:
    """POST, PUT and PATCH are 400 with attribute, value and choices, and nothing of them is applied."""
    created = await scim.created(ada())
    path = f"/Users/{created['id']}"
    [(urn, [(name, value)])] = [(urn, list(values.items())) for urn, values in attributes.items()]
    replies = [
        await scim.post("/Users", ada(userName="b", emails=None, **attributes)),
        await scim.put(path, ada(title="Countess", **attributes)),
        await scim.patch(
            path,
            {"op": "replace", "path": "title", "value": "Countess"},
            {"op": "replace", "path": f"{urn}:{name}", "value": value},
        ),
    ]
    for reply in replies:
        assert (reply.status, reply.body["scimType"], reply.body["detail"]) == (400, "invalidValue", detail)
    assert (await scim.get(path)).body == created


async def test_a_missing_region_says_what_to_map_and_how(scim: Scim) -> None:
    """The administrator of either provider reads where to go."""
    reply = await scim.post("/Users", ada(**{ILMS: None}))
    assert (reply.status, reply.body["scimType"]) == (400, "invalidValue")
    for hint in (
        "region is required",
        f"{ILMS}:region",
        "Entra",
        "Okta",
        "namespace",
        "default region",
        "US-East, EMEA",
    ):
        assert hint in reply.body["detail"]


async def test_values_are_compared_widely_and_stored_as_configured(scim: Scim, product: Product) -> None:
    """Case and blanks around do not count; answer and tables have the organization's spelling."""
    created = await scim.created(
        ada(**{ILMS: {"region": " us-east"}, ENTERPRISE: {"division": "FIELD", "department": "r&d "}})
    )
    assert created[ILMS] == {"region": "US-East"}
    assert created[ENTERPRISE] == {"division": "Field", "department": "R&D"}
    row = await product.row(created)
    assert (row["region"], row["division"], row["department"]) == ("US-East", "Field", "R&D")


async def test_an_empty_list_restricts_nothing(product: Product) -> None:
    """A tenant without lists takes any value, and the default region stands in for none."""
    scim = await product.new_tenant(default_region="Somewhere")
    created = await scim.created(ada(**{ILMS: None, ENTERPRISE: {"department": "Anything"}}))
    assert created[ILMS] == {"region": "Somewhere"}


async def test_removed_values_block_nobody_who_has_them(scim: Scim, product: Product) -> None:
    """After its region is no longer allowed a person is updated, replaced, deactivated and reactivated as before."""
    created = await scim.created(ada())
    path = f"/Users/{created['id']}"
    await set_regions(product, scim, ("EMEA",))
    assert (await scim.get(path)).body == created

    for body in (
        {**created, "title": "Countess"},
        ada(title="Countess of Lovelace", **{ILMS: {"region": " US-EAST "}}),
        ada(title="Countess", active=False, **{ILMS: None}),
        ada(title="Countess", **{ILMS: None}),
    ):
        reply = await scim.put(path, body)
        assert (reply.status, reply.body[ILMS]) == (200, {"region": "US-East"})
    reply = await scim.patch(path, {"op": "replace", "path": "title", "value": "Lady"})
    assert (reply.status, reply.body[ILMS]) == (200, {"region": "US-East"})
    reply = await scim.post("/Users", ada(userName="b", emails=None))
    assert (reply.status, reply.body["detail"]) == (400, 'region "US-East" is not allowed here. Allowed values: EMEA.')


async def test_a_deactivation_is_never_refused(scim: Scim) -> None:
    """Wrong values that come with it, or a region taken away, leave the old ones standing."""
    created = await scim.created(ada(**{ENTERPRISE: {"department": "Sales"}}))
    path = f"/Users/{created['id']}"
    reply = await scim.patch(
        path,
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "Replace", "path": f"{ENTERPRISE}:department", "value": "Piracy"},
        {"op": "Remove", "path": f"{ILMS}:region"},
    )
    assert (reply.status, reply.body["active"]) == (200, False)
    assert (reply.body[ILMS], reply.body[ENTERPRISE]) == ({"region": "US-East"}, {"department": "Sales"})


async def test_schemas_tell_the_organizations_rules(product: Product) -> None:
    """Allowed values are canonical, a region is required unless there is a default, custom fields have their labels."""
    custom_fields = (CustomField(1, "Cost centre"),)
    strict = await product.new_tenant(**RULES, custom_fields=custom_fields)
    open_ = await product.new_tenant(default_region="EMEA")
    for scim, required, canonical, label in (
        (strict, True, list(RULES["regions"]), "Cost centre"),
        (open_, False, None, "Custom field 1. The organization does not use it."),
    ):
        listed = {schema["id"]: schema for schema in (await scim.get("/Schemas")).body["Resources"]}
        one = (await scim.get(f"/Schemas/{ILMS.upper()}")).body
        assert listed[ILMS] == one
        attributes = {attribute["name"]: attribute for attribute in one["attributes"]}
        assert (attributes["region"]["required"], attributes["region"].get("canonicalValues")) == (required, canonical)
        assert attributes["customField1"]["description"] == label
    await set_regions(product, open_, ("EMEA", "APAC"))
    reply = await product.until(
        lambda: open_.get(f"/Schemas/{ILMS}"), lambda reply: "canonicalValues" in reply.body["attributes"][0]
    )
    assert reply.body["attributes"][0]["canonicalValues"] == ["EMEA", "APAC"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/Schemas", f"/Schemas/{ILMS}", "/ServiceProviderConfig", "/ResourceTypes"])
async def test_what_the_service_says_of_itself_cannot_be_written(scim: Scim, method: str, path: str) -> None:
    """405, as a SCIM error."""
    reply = await scim.send(method, path, {} if method != "DELETE" else None)
    assert (reply.status, reply.body["status"]) == (405, "405")
