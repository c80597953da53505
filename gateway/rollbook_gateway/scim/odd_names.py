"""Names that are not the schema's own: what a provider or the guide means by them, and that the right name wins.

``document`` asks about bodies, ``patch`` about the values of operations.
"""

from rollbook_gateway.dialect import okta
from rollbook_gateway.scim.compiled import Attribute, ResourceSchema, Target
from rollbook_gateway.scim.errors import shown
from rollbook_gateway.scim.notes import Notes, note
from rollbook_gateway.scim.paths import provider_spelling, read_as, reading
from rollbook_gateway.scim.values import Document, Json


def misnamed_part(attribute: Attribute, name: str, notes: Notes) -> Attribute | None:
    """Return the sub-attribute that is meant by a name it does not have; ``None``, with a note, for none."""
    path = f"{attribute.path}.{name}"
    found = attribute.sub_attributes.get(provider_spelling(path).rpartition(".")[2].lower())
    if found is None:
        note(notes, f"unknown attribute {shown(path)} was ignored")
    else:
        note(notes, read_as(path, Target(attribute, found)))
    return found


def fill(document: Document, others: Document) -> None:
    """Add to a document what it does not have; what both have stays as it is (N05)."""
    for name, value in others.items():
        if name not in document:
            document[name] = value
        elif type(value) is dict:
            fill(document[name], value)


def note_schemas(sent: Json, document: Document, schema: ResourceSchema, notes: Notes) -> None:
    """Note which schemas were named that are none (C05), and which were used without being named (C01)."""
    named = [urn for urn in okta.elements(sent) if isinstance(urn, str)]
    for urn in named:
        if urn != schema.urn and urn not in schema.extensions:
            note(notes, reading(urn, schema) or f"unknown schema {shown(urn)} was ignored")
    for urn in schema.extensions:
        if urn in document and urn not in named:
            note(notes, f'extension "{urn}" was sent without being named in schemas')
