"""Attribute paths: what a name in a body, a filter or a PATCH operation points at."""

from rollbook_gateway.dialect import entra
from rollbook_gateway.scim.compiled import Meaning, ResourceSchema


def meaning(path: str, schema: ResourceSchema) -> Meaning | None:
    """Return what an attribute path means, the providers' own spellings included; ``None`` where it means nothing."""
    return schema.resolve(path) or schema.resolve(entra.manager_path(path))


def spelled_out(path: str, schema: ResourceSchema) -> str | None:
    """Return the full path of an extension's attribute that was written without its URN, for an error's advice."""
    for urn, extension in schema.extensions.items():
        target = extension.table.get(path.lower())
        if target is not None and ":" not in path:
            return f"{urn}:{target.path.rpartition(':')[2]}"
    return None
