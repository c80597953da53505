"""The verb ``remove`` (RFC 7644, 3.5.2.2); what is not there is removed all the same."""

from rollbook_gateway.scim.compiled import Attribute
from rollbook_gateway.scim.document import read
from rollbook_gateway.scim.notes import Notes
from rollbook_gateway.scim.patch.sameness import without
from rollbook_gateway.scim.values import Json


def removed(attribute: Attribute, old: Json, sent: Json, notes: Notes) -> Json:
    """Return what remains of an attribute's value: nothing, or the elements that Entra did not list (G06, G08)."""
    if sent is None or old is None or not attribute.multi_valued:
        return None
    listed = read(attribute, sent, notes) or []
    return without(attribute, old, listed) or None
