"""The verb ``add`` (RFC 7644, 3.5.2.1): new elements for a list, a new value for anything else."""

from rollbook_gateway.scim.compiled import Attribute
from rollbook_gateway.scim.document import read
from rollbook_gateway.scim.notes import Notes
from rollbook_gateway.scim.patch.elements import one_primary
from rollbook_gateway.scim.patch.replace import replaced
from rollbook_gateway.scim.values import Json


def added(attribute: Attribute, old: Json, sent: Json, notes: Notes) -> Json:
    """Return an attribute's value with what was sent added; on a single-valued one ``add`` replaces (P04)."""
    if not attribute.multi_valued:
        return replaced(attribute, old, sent, notes)
    before = old or []
    new = list(before)
    for element in read(attribute, sent, notes) or []:
        if element not in new:
            new.append(element)
    return one_primary(attribute, before, new) or None
