"""The compiled attribute table of a resource type: one look-up from any spelling of a path to its meaning."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final, TypeAlias

from scim2_models import Resource

from rollbook_contracts.folding import fold, fold_name
from rollbook_gateway.scim import limits
from rollbook_gateway.scim.schemas import group_model, user_model
from rollbook_gateway.scim.values import Document, Json


@dataclass(frozen=True, slots=True, eq=False)
class Attribute:
    """One attribute or sub-attribute, with the characteristics of RFC 7643, section 2.2."""

    name: str
    path: str
    schema: str
    type: str
    multi_valued: bool
    case_exact: bool
    mutability: str
    returned: str
    required: bool
    max_length: int
    key: bool
    """Whether tables index it, so that its bytes are limited too."""

    stored: bool
    """Whether a client's value is kept: not for what is read-only, never returned or computed here."""

    extension: bool
    sub_attributes: Mapping[str, "Attribute"] = field(default_factory=dict)
    """By canonical and by lower-case name."""

    @property
    def comparable(self) -> "Attribute | None":
        """What a comparison of this attribute compares: itself, or a complex one's ``value`` (RFC 7643, 2.4)."""
        return self.sub_attributes.get("value") if self.type == "complex" else self

    def folded(self, text: str) -> str:
        """Return text as this attribute is compared; the blanks around a userName make no other name."""
        if self.case_exact:
            return text
        return fold_name(text) if self.path == "userName" else fold(text)

    @property
    def is_reference(self) -> bool:
        """Whether a complex attribute refers to another resource, as the enterprise manager does."""
        return "$ref" in self.sub_attributes and not self.multi_valued

    @property
    def assumed(self) -> bool | None:
        """What comparisons take where an element does not have it: ``primary`` is false then (RFC 7643, 2.4)."""
        return False if self.name == "primary" and self.type == "boolean" else None


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """What an attribute path points at: an attribute of the resource or of an extension, or a sub-attribute of it."""

    attribute: Attribute
    sub_attribute: Attribute | None = None

    @property
    def leaf(self) -> Attribute:
        return self.sub_attribute or self.attribute

    @property
    def path(self) -> str:
        return self.leaf.path


@dataclass(frozen=True, slots=True, eq=False)
class Extension:
    """An extension's schema; ``table`` knows its attributes by the paths that are valid inside its object."""

    urn: str
    table: Mapping[str, Target]


Meaning: TypeAlias = Target | Extension
"""What an attribute path can mean."""


@dataclass(frozen=True, slots=True, eq=False)
class ResourceSchema:
    """A resource type with its extensions; compared and hashed by identity, so that it can be a key of caches."""

    name: str
    endpoint: str
    urn: str
    extensions: Mapping[str, Extension]
    attributes: tuple[Attribute, ...]
    """All top-level attributes, those of the extensions last."""

    table: Mapping[str, Meaning]
    required: tuple[Attribute, ...]
    """What a resource cannot be stored without; extensions leave that to the organization's rules."""

    def resolve(self, path: str) -> Meaning | None:
        """Return what ``path`` means, in any case and with or without a schema URN; ``None`` where it means nothing."""
        return self.table.get(path) or self.table.get(path.lower())


@cache
def user_schema() -> ResourceSchema:
    """Return the compiled table of people; built at the first call."""
    return compile_schema(user_model(), endpoint="/Users")


@cache
def group_schema() -> ResourceSchema:
    """Return the compiled table of groups; built at the first call."""
    return compile_schema(group_model(), endpoint="/Groups")


def compile_schema(model: type[Resource[Json]], *, endpoint: str) -> ResourceSchema:
    """Compile a library model and its extensions."""
    described = model.to_schema()
    urn = str(described.id)
    core = [*_common(urn), *_attributes(described.model_dump(), urn, extension=False)]
    table: dict[str, Meaning] = dict(_paths(core, prefixes=("", f"{urn}:")))
    extensions = {}
    attributes = list(core)
    for key, extension_model in model.get_extension_models().items():
        extension_urn = str(key)  # the library's own string type is none that a JSON encoder knows
        own = list(_attributes(extension_model.to_schema().model_dump(), extension_urn, extension=True))
        attributes += own
        extension = Extension(extension_urn, dict(_paths(own, prefixes=("", f"{extension_urn}:"))))
        extensions[extension_urn] = extension
        table.update(_paths(own, prefixes=(f"{extension_urn}:",)))
        table[extension_urn] = table[extension_urn.lower()] = extension
    return ResourceSchema(
        name=str(described.name),
        endpoint=endpoint,
        urn=urn,
        extensions=extensions,
        attributes=tuple(attributes),
        table=table,
        required=tuple(attribute for attribute in core if attribute.required and attribute.stored),
    )


def _attributes(schema: Document, urn: str, *, extension: bool) -> Iterator[Attribute]:
    for described in schema["attributes"]:
        name = described["name"]
        path = f"{urn}:{name}" if extension else name
        subs = [
            _attribute(sub, urn, f"{path}.{sub['name']}", extension=extension)
            for sub in described.get("subAttributes") or ()
        ]
        yield _attribute(described, urn, path, extension=extension, sub_attributes=_by_name(subs))


def _attribute(
    described: Document,
    urn: str,
    path: str,
    *,
    extension: bool,
    sub_attributes: Mapping[str, Attribute] | None = None,
) -> Attribute:
    mutability, returned = described.get("mutability", "readWrite"), described.get("returned", "default")
    return Attribute(
        name=described["name"],
        path=path,
        schema=urn,
        type=described["type"],
        multi_valued=described.get("multiValued", False),
        # RFC 7643, 2.3.6 and 2.3.7: binary and reference values are compared exactly, whatever a schema says.
        case_exact=described.get("caseExact", False) or described["type"] in {"binary", "reference"},
        mutability=mutability,
        returned=returned,
        required=described.get("required", False),
        max_length=limits.longest(path),
        key=limits.is_key(path),
        stored=mutability != "readOnly" and returned != "never" and path != "schemas",
        extension=extension,
        sub_attributes=sub_attributes or {},
    )


def _by_name(attributes: list[Attribute]) -> Mapping[str, Attribute]:
    return {name: attribute for attribute in attributes for name in (attribute.name.lower(), attribute.name)}


def _paths(attributes: list[Attribute], *, prefixes: tuple[str, ...]) -> Iterator[tuple[str, Target]]:
    for attribute in attributes:
        targets = [
            (attribute.name, Target(attribute)),
            *((f"{attribute.name}.{sub.name}", Target(attribute, sub)) for sub in attribute.sub_attributes.values()),
        ]
        for prefix in prefixes:
            for path, target in targets:
                yield (prefix + path).lower(), target
                yield prefix + path, target


_COMMON: Final[tuple[Document, ...]] = (
    {"name": "schemas", "type": "reference", "multiValued": True, "returned": "always"},
    {"name": "id", "type": "string", "caseExact": True, "mutability": "readOnly", "returned": "always"},
    {"name": "externalId", "type": "string", "caseExact": True},
    {
        "name": "meta",
        "type": "complex",
        "mutability": "readOnly",
        "subAttributes": [
            {"name": "resourceType", "type": "string", "caseExact": True, "mutability": "readOnly"},
            {"name": "created", "type": "dateTime", "mutability": "readOnly"},
            {"name": "lastModified", "type": "dateTime", "mutability": "readOnly"},
            {"name": "location", "type": "reference", "mutability": "readOnly"},
            {"name": "version", "type": "string", "caseExact": True, "mutability": "readOnly"},
        ],
    },
)
"""The attributes of every resource (RFC 7643, 3.1), which no schema document lists."""


def _common(urn: str) -> Iterator[Attribute]:
    return _attributes({"attributes": _COMMON}, urn, extension=False)
