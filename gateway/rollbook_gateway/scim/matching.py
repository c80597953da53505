"""What filters see of a document, where that departs from what is stored; used by ``evaluation``."""

from rollbook_contracts.emails import matching_type
from rollbook_gateway.scim.values import Document


def matching_view(document: Document) -> Document:
    """Return the document by which a person is matched.

    A person for whom no provider has said ``active`` counts as active; e-mails are those of ``matching_elements``.
    ``rollbook_contracts.search_document`` and the column ``lms.users.active`` hold the same rules for SQL.
    """
    view = {"active": True, **document}
    if "emails" in view:
        view["emails"] = matching_elements("emails", view["emails"])
    return view


def matching_elements(attribute: str, elements: list[Document]) -> list[Document]:
    """Return the elements of a multi-valued attribute as value filters see them, one for one.

    Okta may send an e-mail without a type (C17): where it is the only or the primary one it counts as the work address.
    """
    if attribute != "emails":
        return elements
    count = len(elements)
    return [{**email, "type": kind} if (kind := matching_type(email, count)) else email for email in elements]
