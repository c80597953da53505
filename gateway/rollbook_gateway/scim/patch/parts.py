"""The parts of a complex value: how PATCH sets and clears sub-attributes without touching the value it was given."""

from rollbook_gateway.scim.compiled import Attribute
from rollbook_gateway.scim.document import by_reference, read
from rollbook_gateway.scim.notes import Notes, note
from rollbook_gateway.scim.odd_names import misnamed_part
from rollbook_gateway.scim.values import Document, Json


def with_parts(attribute: Attribute, old: Document, sent: Document, notes: Notes) -> Document:
    """Return a complex value with the sub-attributes that were sent; null clears one, an unknown one is ignored."""
    new = old
    odd_first = sorted(sent.items(), key=lambda item: item[0].lower() in attribute.sub_attributes)
    for name, value in odd_first:  # so that the right name has the last word (N05)
        sub_attribute = attribute.sub_attributes.get(name.lower()) or misnamed_part(attribute, name, notes)
        if sub_attribute is not None:
            new = with_part(attribute, new, sub_attribute, value, notes)
    return new


def with_part(attribute: Attribute, old: Document, sub_attribute: Attribute, sent: Json, notes: Notes) -> Document:
    """Return a complex value with one sub-attribute set or cleared.

    A reference that gets another ``value`` loses its other parts, which described the one before.
    """
    if not sub_attribute.stored:
        note(notes, f'"{sub_attribute.path}" is read-only and was ignored')
        return old
    value = read(sub_attribute, sent, notes)
    name = sub_attribute.name
    if attribute.is_reference and name == "value" and value != old.get("value"):
        return {} if value is None else {name: value}
    new = {**old, name: value}
    if value is None:
        del new[name]
    elif attribute.is_reference and name == "$ref" and "value" not in old:
        return by_reference(attribute, new, notes) or {}
    return new
