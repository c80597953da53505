"""Laws of documents and PATCH that hold for any JSON, however bad."""

import copy

import msgspec
from hypothesis import event, given

from rollbook_gateway.scim.compiled import user_schema
from rollbook_gateway.scim.document import canonicalise
from rollbook_gateway.scim.errors import ScimError
from rollbook_gateway.scim.patch.apply import apply_patch
from rollbook_gateway.scim.values import Document
from support.drawn_people import BODIES, OPERATIONS, PEOPLE


@given(BODIES)
def test_what_is_stored_is_stored_the_same_again(body: Document) -> None:
    """Reading a body is refused with a ``ScimError`` or ends in a document that reads as itself and can be encoded."""
    try:
        document = canonicalise(body, user_schema()).document
    except ScimError as refusal:
        event(refusal.kind.value)
        return

    again = canonicalise(document, user_schema())
    assert (again.document, again.notes) == (document, [])
    assert msgspec.json.decode(msgspec.json.encode(document)) == document


@given(PEOPLE, OPERATIONS)
def test_patch_leaves_what_a_post_would(document: Document, operations: list[Document]) -> None:
    """Any operations are refused with a ``ScimError``, or end in a document that POST would store unchanged.

    The document they were applied to is as it was, either way.
    """
    before = copy.deepcopy(document)
    try:
        patched = apply_patch(document, {"Operations": operations}, user_schema()).document
    except ScimError as refusal:
        event(refusal.kind.value)
    else:
        assert canonicalise(patched, user_schema()).document == patched
    assert document == before
