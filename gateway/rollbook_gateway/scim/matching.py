"""What filters and readers see of a person's document, where that departs from what was stored."""

from rollbook_contracts.emails import matching_type
from rollbook_gateway.scim.values import Document


def matching_view(document: Document) -> Document:
    """Return the document by which a person is matched: ``with_active``, with the e-mails of ``matching_elements``.

    ``rollbook_contracts.search_document`` and the column ``lms.users.active`` hold the same rules for SQL.
    """
    view = {**with_active(document)}
    if "emails" in view:
        view["emails"] = matching_elements("emails", view["emails"])
    return view


def with_active(document: Document) -> Document:
    """Return a person's document with ``active``: whoever was created without it is active, and is shown so.

    New facts carry it; those of earlier releases may not.
    """
    return document if "active" in document else {**document, "active": True}


def matching_elements(attribute: str, elements: list[Document]) -> list[Document]:
    """Return the elements of a multi-valued attribute as value filters see them, one for one.

    Okta may send an e-mail without a type (C17): where it is the only or the primary one it counts as the work address.
    """
    if attribute != "emails":
        return elements
    count = len(elements)
    return [{**email, "type": kind} if (kind := matching_type(email, count)) else email for email in elements]
