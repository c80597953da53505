"""The verb ``remove`` (RFC 7644, 3.5.2.2); what is not there is removed all the same."""

from rollbook_gateway.dialect.absence import is_absent
from rollbook_gateway.scim.compiled import Attribute
from rollbook_gateway.scim.document import read
from rollbook_gateway.scim.errors import shown
from rollbook_gateway.scim.evaluation import compared
from rollbook_gateway.scim.notes import Notes, note
from rollbook_gateway.scim.odd_names import misnamed_part
from rollbook_gateway.scim.patch.sameness import without
from rollbook_gateway.scim.values import Document, Json


def removed(attribute: Attribute, old: Json, sent: Json, notes: Notes) -> Json:
    """Return what remains of an attribute's value: nothing, or what the value that was sent does not name.

    Entra lists the elements to be removed (G06, G08); an object names parts of a complex attribute.
    """
    if sent is None or old is None:
        return None
    if attribute.multi_valued:
        listed = read(attribute, sent, notes) or []
        return without(attribute, old, listed) or None
    if attribute.type != "complex" or is_absent(sent):
        return None
    wanted = sent[0] if isinstance(sent, list) and len(sent) == 1 else sent
    if attribute.is_reference:  # its parts mean nothing without its value
        value = (read(attribute, wanted, notes) or {}).get("value")
        return None if names(attribute.sub_attributes["value"], value, old.get("value"), notes) else old
    named = wanted if isinstance(wanted, dict) else read(attribute, wanted, notes) or {}
    return _without_parts(attribute, old, named, notes) or None


def names(attribute: Attribute, sent: Json, stored: Json, notes: Notes) -> bool:
    """Tell whether a value in a ``remove`` means the one that is there: it is equal, or none at all."""
    if stored is None or is_absent(sent):
        return True
    if compared(attribute, read(attribute, sent, notes)) == compared(attribute, stored):
        return True
    note(notes, f"{shown(attribute.path)} has another value than the one to be removed, and stays")
    return False


def _without_parts(attribute: Attribute, old: Document, sent: Document, notes: Notes) -> Document:
    new = dict(old)
    for name, value in sent.items():
        part = attribute.sub_attributes.get(name.lower()) or misnamed_part(attribute, name, notes)
        if part is not None and part.name in new and names(part, value, new[part.name], notes):
            del new[part.name]
    return new
