"""What filters see of a person: here and in the projector's tables the same."""

from rollbook_contracts.folding import fold
from rollbook_contracts.search_document import search_document
from rollbook_gateway.scim.matching import matching_view
from rollbook_gateway.scim.values import Document


def test_typeless_email_is_seen_as_work_and_stored_as_sent() -> None:
    """C17: the view gives the only or the primary e-mail a type; the document keeps none."""
    document: Document = {"emails": [{"value": "a"}]}

    assert matching_view(document) == {"active": True, "emails": [{"value": "a", "type": "work"}]}
    assert document == {"emails": [{"value": "a"}]}


def test_tables_see_the_same_types_of_email() -> None:
    """The types by which the tables are searched are those that filters on documents see, also in wide letters."""
    for emails in (
        [{"value": "a"}],
        [{"value": "a"}, {"value": "b", "primary": True}],
        [{"value": "a", "type": "\uff37\uff2f\uff32\uff2b"}, {"value": "b", "type": "Home"}],
    ):
        document: Document = {"emails": emails}
        seen = [fold(email["type"]) if "type" in email else None for email in matching_view(document)["emails"]]

        assert [email.get("type") for email in search_document(document)["emails"]] == seen
