"""What the service says of itself (RFC 7643, sections 5 to 7): configuration, resource types, schemas.

Each answer is made from the library's models, so that it is in the standard's form, with its location under ``base``:
the tenant's URL without a slash at its end.
"""

from functools import cache
from typing import Final

from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    ETag,
    External,
    Filter,
    Patch,
    Reference,
    ResourceType,
    ServiceProviderConfig,
    Sort,
)

from rollbook_contracts.settings import TenantSettings
from rollbook_contracts.urns import GROUP, ILMS, USER
from rollbook_gateway.scim.errors import ErrorKind, ScimError, shown
from rollbook_gateway.scim.lists import MAX_RESULTS
from rollbook_gateway.scim.rendering import list_response
from rollbook_gateway.scim.schemas import group_model, user_model
from rollbook_gateway.scim.values import Document

_CONFIGURATION: Final = "ServiceProviderConfig"
_RESOURCE_TYPE: Final = "ResourceType"
_SCHEMA: Final = "Schema"


def service_provider_config(base: str) -> Document:
    return _located(_configuration(), _CONFIGURATION, f"{base}/ServiceProviderConfig")


def resource_types(base: str) -> Document:
    found = [resource_type(name, base) for name in _resource_types()]
    return list_response(found, len(found), 1)


def resource_type(name: str, base: str) -> Document:
    """Return one resource type by its name; raise ``notFound`` for another."""
    known = _resource_types()
    if name not in known:
        raise ScimError(
            ErrorKind.NOT_FOUND, f"there is no resource type {shown(name)}: it is one of {', '.join(known)}"
        )
    return _located(known[name], _RESOURCE_TYPE, f"{base}/ResourceTypes/{name}")


def schemas(base: str, settings: TenantSettings) -> Document:
    found = [schema(urn, base, settings) for urn in _schemas()]
    return list_response(found, len(found), 1)


def schema(urn: str, base: str, settings: TenantSettings) -> Document:
    """Return one schema by its URN, in any case, with the tenant's rules in it; raise ``notFound`` for another."""
    for known, document in _schemas().items():
        if known.lower() == urn.lower():
            ruled = {**document, "attributes": [_ruled(item, known, settings) for item in document["attributes"]]}
            return _located(ruled, _SCHEMA, f"{base}/Schemas/{known}")
    raise ScimError(ErrorKind.NOT_FOUND, f"there is no schema {shown(urn)}: it is one of {', '.join(_schemas())}")


def _ruled(attribute: Document, urn: str, settings: TenantSettings) -> Document:
    """Return an attribute as the tenant has it: its allowed values, and no region required where there is a default."""
    for schema_urn, name, allowed in settings.allowed_values:
        if (schema_urn, name) == (urn, attribute["name"]):
            required = attribute["required"] and not (name == "region" and settings.default_region is not None)
            attribute = {**attribute, "required": required}
            return {**attribute, "canonicalValues": list(allowed)} if allowed else attribute
    if urn == ILMS and attribute["name"].startswith("customField"):
        labels = {f"customField{custom.number}": custom.label for custom in settings.custom_fields or ()}
        unused = f"{attribute['description']} The organization does not use it."
        return {**attribute, "description": labels.get(attribute["name"], unused)}
    return attribute


def _located(document: Document, kind: str, location: str) -> Document:
    return {**document, "meta": {"resourceType": kind, "location": location}}


@cache
def _configuration() -> Document:
    return ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MAX_RESULTS),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=False),
        etag=ETag(supported=True),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauthbearertoken,
                name="Bearer token",
                description="The organization's token in the header Authorization, after the word Bearer",
                spec_uri=Reference[External]("https://www.rfc-editor.org/info/rfc6750"),
                primary=True,
            ),
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauth2,
                name="OAuth 2.0 client credentials",
                description="An access token of the organization's token endpoint, which stands beside its Tenant URL",
                spec_uri=Reference[External]("https://www.rfc-editor.org/info/rfc6749"),
            ),
        ],
    ).model_dump()


@cache
def _resource_types() -> dict[str, Document]:
    described = [ResourceType.from_resource(model) for model in (user_model(), group_model())]
    return {str(kind.name): kind.model_dump() for kind in described}


@cache
def _schemas() -> dict[str, Document]:
    person, group = user_model(), group_model()
    extensions = [extension.to_schema() for extension in person.get_extension_models().values()]
    described = [schema.model_dump() for schema in (person.to_schema(), *extensions, group.to_schema())]
    for schema in described:
        if schema["id"] in {USER, GROUP}:
            schema["attributes"] = [_EXTERNAL_ID, *schema["attributes"]]
    return {schema["id"]: schema for schema in described}


_EXTERNAL_ID: Final[Document] = {
    "name": "externalId",
    "type": "string",
    "multiValued": False,
    "description": "The identity provider's own identifier of the resource.",
    "required": False,
    "caseExact": True,
    "mutability": "readWrite",
    "returned": "default",
    "uniqueness": "none",
}
"""RFC 7643, 3.1, has it in no schema, since all resources have it; whoever maps attributes looks for it in them."""
