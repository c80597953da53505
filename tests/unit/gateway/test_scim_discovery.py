"""Discovery: what clients read of the service's abilities and schemas."""

from typing import Any

import msgspec
import pytest
from scim2_models import ListResponse, ResourceType, Schema, ServiceProviderConfig

from rollbook_contracts.settings import CustomField, TenantSettings
from rollbook_contracts.urns import ENTERPRISE, GROUP, ILMS, USER
from rollbook_gateway.scim import discovery
from rollbook_gateway.scim.compiled import group_schema, user_schema
from rollbook_gateway.scim.errors import ErrorKind, ScimError
from rollbook_gateway.scim.lists import MAX_RESULTS

BASE = "http://h/scim/acme/v2"
NO_RULES = TenantSettings()
RULES = TenantSettings(regions=("US-East", "EMEA"), divisions=("Field",))


def described(urn: str, settings: TenantSettings) -> dict[str, Any]:
    return {attribute["name"]: attribute for attribute in discovery.schema(urn, BASE, settings)["attributes"]}


def nulls(value: Any) -> bool:
    if isinstance(value, dict):
        return any(nulls(part) for part in value.values())
    if isinstance(value, list):
        return any(nulls(part) for part in value)
    return value is None


def test_configuration_tells_what_is_supported() -> None:
    """Clients see PATCH, filters and entity tags, and no bulk, sorting or change of passwords."""
    configuration = discovery.service_provider_config(BASE)

    supported = {name for name, value in configuration.items() if isinstance(value, dict) and value.get("supported")}
    assert supported == {"patch", "filter", "etag"}
    assert configuration["filter"]["maxResults"] == MAX_RESULTS
    assert configuration["authenticationSchemes"][0]["type"] == "oauthbearertoken"
    assert configuration["meta"]["location"] == f"{BASE}/ServiceProviderConfig"


def test_users_and_groups_are_the_resource_types() -> None:
    """Users have both extensions, neither of them required; groups have none."""
    answered = discovery.resource_types(BASE)

    assert [kind["id"] for kind in answered["Resources"]] == ["User", "Group"]
    assert answered["Resources"][1] == discovery.resource_type("Group", BASE)
    assert answered["Resources"][1]["endpoint"] == "/Groups"
    assert answered["Resources"][0] == discovery.resource_type("User", BASE)
    assert answered["Resources"][0]["endpoint"] == "/Users"
    assert answered["Resources"][0]["schemaExtensions"] == [
        {"schema": ENTERPRISE, "required": False},
        {"schema": ILMS, "required": False},
    ]


def test_schemas_are_found_by_urn_in_any_case() -> None:
    """Each schema in the list can be asked for by its URN."""
    listed = discovery.schemas(BASE, NO_RULES)["Resources"]

    assert [schema["id"] for schema in listed] == [USER, ENTERPRISE, ILMS, GROUP]
    assert [discovery.schema(schema["id"].upper(), BASE, NO_RULES) for schema in listed] == listed


def test_extension_of_the_lms_is_described() -> None:
    """The LMS's extension has its attributes with their types; a region is required."""
    attributes = described(ILMS, NO_RULES)

    assert {name: attribute["type"] for name, attribute in attributes.items()} == {
        "region": "string",
        "hireDate": "dateTime",
        "customField1": "string",
        "customField2": "string",
        "customField3": "string",
        "customField4": "string",
        "manager": "complex",
    }
    assert [name for name, attribute in attributes.items() if attribute["required"]] == ["region"]
    assert [part["name"] for part in attributes["manager"]["subAttributes"]] == ["id", "displayName", "email"]
    assert attributes["region"]["mutability"] == "readWrite"


def test_whatever_can_be_mapped_is_described() -> None:
    """Every attribute and part whose value is kept stands in a schema, ``externalId`` and the guide's among them."""
    listed = discovery.schemas(BASE, NO_RULES)["Resources"]
    paths = set[str]()
    for schema in listed:
        for found in schema["attributes"]:
            path = found["name"] if schema["id"] in {USER, GROUP} else f"{schema['id']}:{found['name']}"
            paths |= {path, *(f"{path}.{part['name']}" for part in found.get("subAttributes", ()))}

    kept = [attribute for schema in (user_schema(), group_schema()) for attribute in schema.attributes]
    kept += [part for attribute in kept for part in attribute.sub_attributes.values()]
    assert {attribute.path for attribute in kept if attribute.stored} <= paths
    assert {f"{ILMS}:manager.id", f"{ENTERPRISE}:manager.value", f"{ILMS}:manager.email"} <= paths
    for urn in (USER, GROUP):
        external_id = described(urn, NO_RULES)["externalId"]
        assert (external_id["type"], external_id["caseExact"], external_id["required"]) == ("string", True, False)


def test_rules_of_a_tenant_are_in_its_schemas() -> None:
    """Allowed values are canonical ones, a region with a default is not required, and no other tenant sees either."""
    assert described(ILMS, RULES)["region"]["canonicalValues"] == ["US-East", "EMEA"]
    assert described(ENTERPRISE, RULES)["division"]["canonicalValues"] == ["Field"]
    assert described(ILMS, RULES)["region"]["required"]
    assert not described(ILMS, TenantSettings(default_region="EMEA"))["region"]["required"]
    for urn in (ILMS, ENTERPRISE):
        assert not [name for name, found in described(urn, NO_RULES).items() if "canonicalValues" in found]
    assert described(ILMS, NO_RULES)["region"]["required"]


def test_custom_fields_have_the_organizations_labels() -> None:
    """A field in use is described by its label, another one as not in use."""
    settings = TenantSettings(custom_fields=(CustomField(2, "Cost centre"),))
    attributes = described(ILMS, settings)

    assert attributes["customField2"]["description"] == "Cost centre"
    assert attributes["customField1"]["description"] == "Custom field 1. The organization does not use it."


@pytest.mark.parametrize(
    "ask", [lambda name: discovery.schema(name, BASE, NO_RULES), lambda name: discovery.resource_type(name, BASE)]
)
def test_unknown_names_are_not_found(ask: Any) -> None:
    """What is not there is ``notFound``, and the message says what is."""
    with pytest.raises(ScimError, match="User") as refusal:
        ask("Device")

    assert refusal.value.kind is ErrorKind.NOT_FOUND


def test_answers_are_the_standard_form() -> None:
    """The library reads every answer back without complaint; none holds a null, and each can be encoded."""
    answers = [discovery.service_provider_config(BASE), discovery.resource_types(BASE), discovery.schemas(BASE, RULES)]

    ServiceProviderConfig.model_validate(answers[0])
    ListResponse[ResourceType].model_validate(answers[1])
    ListResponse[Schema].model_validate(answers[2])
    assert not nulls(answers)
    assert msgspec.json.decode(msgspec.json.encode(answers)) == answers
