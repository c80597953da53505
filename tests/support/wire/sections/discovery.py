"""D: what the service says of itself."""

from typing import Any

from rollbook_contracts.urns import ENTERPRISE, GROUP, ILMS, USER
from support.wire.answers import listed, refused
from support.wire.organization import DEPARTMENTS, DIVISIONS, REGIONS, Wire

CHARACTERISTICS = {
    "mutability": {"readOnly", "readWrite", "immutable", "writeOnly"},
    "returned": {"always", "never", "default", "request"},
    "uniqueness": {"none", "server", "global"},
    "type": {"string", "boolean", "decimal", "integer", "dateTime", "reference", "complex", "binary"},
}
"""What RFC 7643, section 7, allows, in its spelling."""


def _holds_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_null(part) for part in value.values())
    if isinstance(value, list):
        return any(_holds_null(part) for part in value)
    return value is None


def _attributes(described: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for top in described["attributes"] for part in (top, *top.get("subAttributes", ()))]


def _by_name(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {attribute["name"]: attribute for attribute in schema["attributes"]}


async def d01_schemas_show_the_tenants_own_rules(wire: Wire) -> None:
    """All four schemas in the standard's spelling, with the tenant's regions, divisions and departments in them."""
    organization = await wire.organization()
    schemas = {schema["id"]: schema for schema in listed(await organization.idp.get("/Schemas"))}
    assert schemas.keys() == {USER, GROUP, ENTERPRISE, ILMS}
    assert not _holds_null(schemas)
    for attribute in (part for schema in schemas.values() for part in _attributes(schema)):
        assert {
            name: attribute[name] for name, allowed in CHARACTERISTICS.items() if attribute[name] not in allowed
        } == {}
    region = _by_name(schemas[ILMS])["region"]
    assert (region["required"], region["canonicalValues"]) == (True, list(REGIONS))
    enterprise = _by_name(schemas[ENTERPRISE])
    assert enterprise["division"]["canonicalValues"] == list(DIVISIONS)
    assert enterprise["department"]["canonicalValues"] == list(DEPARTMENTS)
    assert not enterprise["department"]["required"]

    other = await wire.organization(regions=(), divisions=(), departments=("R&D",), default_region="EMEA")
    schemas = {schema["id"]: schema for schema in listed(await other.idp.get("/Schemas"))}
    region = _by_name(schemas[ILMS])["region"]
    assert (region["required"], "canonicalValues" in region) == (False, False)
    assert _by_name(schemas[ENTERPRISE])["department"]["canonicalValues"] == ["R&D"]


async def d02_configuration_and_resource_types(wire: Wire) -> None:
    """What is supported, each resource type by its id, both extensions of people; nothing there can be written."""
    idp = (await wire.organization()).idp
    reply = await idp.get("/ServiceProviderConfig")
    assert reply.status == 200
    assert reply.body["patch"]["supported"] is True
    assert reply.body["filter"]["supported"] is True
    assert reply.body["filter"]["maxResults"] >= 100
    assert reply.body["bulk"]["supported"] is False
    types = {found["id"]: found for found in listed(await idp.get("/ResourceTypes"))}
    assert {name: found["endpoint"] for name, found in types.items()} == {"User": "/Users", "Group": "/Groups"}
    assert {extension["schema"] for extension in types["User"]["schemaExtensions"]} == {ENTERPRISE, ILMS}
    for name, found in types.items():
        assert (await idp.get(f"/ResourceTypes/{name}")).body == found
    for path in ("/ServiceProviderConfig", "/ResourceTypes", "/ResourceTypes/User", "/Schemas", f"/Schemas/{USER}"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            refused(await idp.send(method, path, {} if method != "DELETE" else None), 405)


async def d03_a_schema_by_its_urn_in_any_case(wire: Wire) -> None:
    """The extension by its URN, also in capitals."""
    idp = (await wire.organization()).idp
    reply = await idp.get(f"/Schemas/{ILMS}")
    assert reply.status == 200
    assert reply.body["id"] == ILMS
    assert {"region", "hireDate", "customField1", "manager"} <= _by_name(reply.body).keys()
    assert _by_name(reply.body)["region"]["canonicalValues"] == list(REGIONS)
    assert (await idp.get(f"/Schemas/{ILMS.upper()}")).body == reply.body
