"""The verb ``add`` (RFC 7644, 3.5.2.1): new elements for a list, a new value for anything else."""

from rollbook_gateway.scim.compiled import Attribute
from rollbook_gateway.scim.document import read
from rollbook_gateway.scim.errors import shown
from rollbook_gateway.scim.notes import Notes, note
from rollbook_gateway.scim.patch.elements import one_primary
from rollbook_gateway.scim.patch.replace import replaced
from rollbook_gateway.scim.patch.sameness import Elements
from rollbook_gateway.scim.values import Json


def added(attribute: Attribute, old: Json, sent: Json, notes: Notes) -> Json:
    """Return an attribute's value with what was sent added; on a single-valued one ``add`` replaces (P04).

    An element that is there is not added a second time: it gets the parts that are new.
    """
    if not attribute.multi_valued:
        return replaced(attribute, old, sent, notes)
    before = old or []
    new = Elements(attribute, before)
    for element in read(attribute, sent, notes) or []:
        there = new.add(element)
        if there is not None and ("type" in element) != ("type" in there):
            note(notes, f"an element of {shown(attribute.path)} was read as the one of the same value that is there")
    return one_primary(attribute, before, new.all) or None
