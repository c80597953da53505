"""What the gateway answers, for the edge to encode: resources with the attributes asked for, lists, errors."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec

from rollbook_contracts.remembered import remembered
from rollbook_gateway.scim.compiled import Extension, ResourceSchema
from rollbook_gateway.scim.errors import ErrorKind, ScimError
from rollbook_gateway.scim.paths import meaning
from rollbook_gateway.scim.values import Document, Json

LIST_RESPONSE: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR: Final = "urn:ietf:params:scim:api:messages:2.0:Error"

Tree: TypeAlias = Mapping[str, "Tree | None"]
"""Names of attributes; ``None`` stands for the whole attribute, a tree for some of its parts."""


@dataclass(frozen=True, slots=True)
class Meta:
    """What is known of a resource beside its document; ``version`` tells its state from every other.

    A person's is the sequence of the last fact, a group's that of the head and of the members, ``17.42``.
    """

    resource_type: str
    created: str
    last_modified: str
    location: str
    version: int | str


@dataclass(frozen=True, slots=True)
class Projection:
    """Which attributes an answer holds beside id and schemas (RFC 7644, 3.9): all, only some, or all but some."""

    only: Tree | None = None
    without: Tree | None = None

    def shows(self, name: str) -> bool:
        """Say whether an attribute that is returned by default, or a part of it, is in the answer."""
        if self.only is not None:
            return name in self.only
        return self.without is None or name not in self.without or self.without[name] is not None


WHOLE: Final = Projection()
"""Everything that is returned by default."""


@remembered(256)
def projection(attributes: str | None, excluded: str | None, schema: ResourceSchema) -> Projection:
    """Read the query parameters ``attributes`` and ``excludedAttributes``; unknown names are ignored."""
    if attributes and excluded:
        raise ScimError(
            ErrorKind.INVALID_VALUE,
            'the parameters "attributes" and "excludedAttributes" exclude each other: send one of them',
        )
    return Projection(
        only=_tree(attributes, schema) if attributes else None,
        without=_tree(excluded, schema) if excluded else None,
    )


def etag(version: int | str) -> str:
    """Return the weak entity tag of a resource at this version."""
    return f'W/"{version}"'


def render(
    document: Document, resource_id: str, meta: Meta, schema: ResourceSchema, projected: Projection = WHOLE
) -> Document:
    """Return a resource as it is answered.

    ``schemas`` is computed from what is there (C01): the core schema, and each extension that holds something.
    """
    resource: Document = {
        "schemas": [schema.urn],
        "id": resource_id,
        **document,
        "meta": {
            "resourceType": meta.resource_type,
            "created": meta.created,
            "lastModified": meta.last_modified,
            "location": meta.location,
            "version": etag(meta.version),
        },
    }
    if projected.only is not None:
        resource = {"schemas": [schema.urn], "id": resource_id, **_only(resource, projected.only)}
    elif projected.without is not None:
        resource = {"schemas": [schema.urn], "id": resource_id, **_without(resource, projected.without)}
    resource["schemas"] = [schema.urn, *(urn for urn in schema.extensions if urn in resource)]
    return resource


def memberships(groups: Iterable[tuple[str, str]], base_url: str) -> list[Document]:
    """Return a person's attribute ``groups``, from the ids and names of the groups."""
    return [
        {"value": group_id, "$ref": f"{base_url}/Groups/{group_id}", "display": name, "type": "direct"}
        for group_id, name in groups
    ]


def list_response(resources: Sequence[Document | msgspec.Raw], total_results: int, start_index: int) -> Document:
    return {
        "schemas": [LIST_RESPONSE],
        "totalResults": total_results,
        "startIndex": start_index,
        "itemsPerPage": len(resources),
        "Resources": list(resources),
    }


def error_body(status: int, detail: str, scim_type: str | None = None) -> Document:
    """Return an Error message; its status is text (RFC 7644, 3.12)."""
    body: Document = {"schemas": [ERROR], "status": str(status), "detail": detail}
    if scim_type is not None:
        body["scimType"] = scim_type
    return body


def _tree(parameter: str, schema: ResourceSchema) -> Tree:
    tree: dict[str, Tree | None] = {}
    for name in parameter.split(","):
        found = meaning(name.strip(), schema)
        if found is None:
            continue
        if isinstance(found, Extension):
            tree[found.urn] = None
            continue
        steps = [found.attribute.name]
        if found.attribute.extension:
            steps.insert(0, found.attribute.schema)
        if found.sub_attribute is not None:
            steps.append(found.sub_attribute.name)
        _graft(tree, steps)
    return tree


def _graft(tree: dict[str, Tree | None], steps: list[str]) -> None:
    for step in steps[:-1]:
        branch = tree.setdefault(step, {})
        if branch is None:  # the whole of it was named already
            return
        tree = branch  # type: ignore[assignment]  # every branch made here is a dict
    tree[steps[-1]] = None


def _only(value: Json, tree: Tree | None) -> Json:
    if tree is None:
        return value
    if isinstance(value, list):
        return [kept for element in value if (kept := _only(element, tree))]
    return {
        name: kept
        for name, branch in tree.items()
        if name in value and (kept := _only(value[name], branch)) not in ({}, [])
    }


def _without(value: Json, tree: Tree) -> Json:
    if isinstance(value, list):
        return [kept for element in value if (kept := _without(element, tree))]
    kept_parts = {}
    for name, part in value.items():
        if name not in tree:
            kept_parts[name] = part
        elif (branch := tree[name]) is not None and (kept := _without(part, branch)):
            kept_parts[name] = kept
    return kept_parts
