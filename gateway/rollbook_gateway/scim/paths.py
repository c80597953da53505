"""Attribute paths: what a name in a body, a filter or a PATCH operation points at."""

import re
from typing import Final

from rollbook_gateway.dialect import entra, misprints
from rollbook_gateway.scim.compiled import Meaning, ResourceSchema, Target
from rollbook_gateway.scim.errors import shown

_BRACKETS: Final = re.compile(r"\[.*\]", re.DOTALL)


def meaning(path: str, schema: ResourceSchema) -> Meaning | None:
    """Return what an attribute path means, the providers' own spellings included; ``None`` where it means nothing."""
    return schema.resolve(path) or schema.resolve(provider_spelling(path))


def provider_spelling(path: str) -> str:
    """Return the RFC's path for one in a provider's or the guide's spelling."""
    return entra.manager_path(misprints.right_spelling(path))


def reading(path: str, schema: ResourceSchema) -> str | None:
    """Return the sentence on a path that only ``meaning`` knows; ``None`` for one as the schemas have it."""
    name = _BRACKETS.sub("", path)
    if schema.resolve(name) is not None:
        return None
    found = schema.resolve(provider_spelling(name))
    return None if found is None else read_as(path, found)


def read_as(name: str, found: Meaning) -> str:
    """Return the sentence on a name that was read as another."""
    return f"{shown(name)} was read as {shown(found.path if isinstance(found, Target) else found.urn)}"


def spelled_out(path: str, schema: ResourceSchema) -> str | None:
    """Return the full path of an extension's attribute that was written without its URN, for an error's advice."""
    for urn, extension in schema.extensions.items():
        target = extension.table.get(path.lower())
        if target is not None and ":" not in path:
            return f"{urn}:{target.path.rpartition(':')[2]}"
    return None
