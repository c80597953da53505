"""The verb ``replace`` (RFC 7644, 3.5.2.3): a new value, or new parts for a complex attribute."""

from rollbook_gateway.scim.compiled import Attribute
from rollbook_gateway.scim.document import read
from rollbook_gateway.scim.notes import Notes
from rollbook_gateway.scim.patch.parts import with_parts
from rollbook_gateway.scim.values import Json


def replaced(attribute: Attribute, old: Json, sent: Json, notes: Notes) -> Json:
    """Return what was sent in place of an attribute's value; null and empty text clear it (P16, P25).

    A complex attribute keeps the parts that were not sent, except a reference, whose parts mean nothing for another.
    """
    keeps_parts = attribute.type == "complex" and not attribute.multi_valued and not attribute.is_reference
    if keeps_parts and isinstance(sent, dict):
        return with_parts(attribute, old or {}, sent, notes) or None
    return read(attribute, sent, notes)
