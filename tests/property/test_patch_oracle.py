"""The library as the oracle of PATCH: clean documents and operations end the same through its models and ours."""

import itertools
from typing import Any

from hypothesis import assume, event, given
from hypothesis import strategies as st
from pydantic import ValidationError
from scim2_models import PatchOp, SCIMException, ScimPolicy

from rollbook_contracts.urns import ENTERPRISE, ILMS
from rollbook_gateway.scim.compiled import user_schema
from rollbook_gateway.scim.errors import ScimError
from rollbook_gateway.scim.patch.apply import apply_patch
from rollbook_gateway.scim.schemas import user_model
from rollbook_gateway.scim.values import Document
from support.drawn_people import ADDRESSES, CLEAN, CLEAN_ENTERPRISE, CLEAN_ILMS, EMAILS, PEOPLE, TYPES, WORDS

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

PATCH_OF: Any = PatchOp  # its parameter is a class made at run time, which annotations cannot name

ENTRAS = ScimPolicy(
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
)
STRICT = ScimPolicy(remove_value_as_filter=ScimPolicy.RemoveValue.apply)

VERBS = st.sampled_from(["add", "replace"])

WRITTEN: dict[str, st.SearchStrategy[Any]] = {
    **CLEAN,
    "userName": WORDS,
    "name.familyName": WORDS,
    f"{ENTERPRISE}:department": WORDS,
    f"{ENTERPRISE}:manager": st.fixed_dictionaries({"value": WORDS}),
    f"{ENTERPRISE}:manager.value": WORDS,
    f"{ILMS}:customField1": WORDS,
    f"{ILMS}:manager": st.fixed_dictionaries({}, optional={"id": WORDS, "displayName": WORDS, "email": WORDS}),
    f"{ILMS}:manager.email": WORDS,
    ENTERPRISE: CLEAN_ENTERPRISE,
    ILMS: CLEAN_ILMS,
    'emails[type eq "work"].value': ADDRESSES,
    'emails[type eq "home"].primary': st.booleans(),
    'emails[type eq "home"]': st.fixed_dictionaries({"value": ADDRESSES}, optional={"display": WORDS}),
    'emails[value sw "a"].type': TYPES,
    'emails[value eq "ADA@x.example"].display': WORDS,
    'phoneNumbers[type eq "mobile" and primary eq true].value': WORDS,
}
"""Paths with the values that may be written there."""

REMOVED = [
    "displayName",
    "name",
    "name.familyName",
    "emails",
    'emails[type eq "work"]',
    "emails[primary eq true].display",
    'phoneNumbers[not (value co "a")]',
    "phoneNumbers.type",  # an e-mail address without a type counts as the work address (C17)
    f"{ENTERPRISE}:department",
    f"{ENTERPRISE}:manager",
    f"{ILMS}:customField1",
    ENTERPRISE,
]


def write(path: str) -> st.SearchStrategy[Document]:
    return st.fixed_dictionaries({"op": VERBS, "path": st.just(path), "value": WRITTEN[path]})


OPERATION = st.one_of(
    st.sampled_from(sorted(WRITTEN)).flatmap(write),
    st.fixed_dictionaries({"op": st.just("remove"), "path": st.sampled_from(REMOVED)}),
    st.fixed_dictionaries({"op": st.just("remove"), "path": st.just("emails"), "value": EMAILS}),
    st.fixed_dictionaries({"op": VERBS, "value": st.fixed_dictionaries({}, optional=CLEAN)}),
)


def by_the_library(document: Document, operations: list[Document]) -> Document | None:
    """Apply operations through the library's models; ``None`` where it refuses them."""
    resource = user_model().model_validate({"schemas": [user_schema().urn], **document})
    message = PATCH_OF[user_model()]
    try:
        for operation in operations:
            # Elements are made where a type is asked for, as Entra wants it, and for no other value.
            policy = STRICT if "[value eq" in operation.get("path", "") else ENTRAS
            sent = {"schemas": [PATCH_OP], "Operations": [operation]}
            message.model_validate(sent, scim_policy=policy).patch(resource, scim_policy=policy)
            if operation["op"] == "add":
                assume(not is_doubled(resource.model_dump()))
    except (SCIMException, ValidationError):
        return None
    patched = resource.model_dump()
    del patched["schemas"]
    return {name: value for name, value in patched.items() if value not in ({}, [])}


def is_doubled(document: Document) -> bool:
    """Tell whether an element stands twice, once with fewer parts: the library adds it so, we do not."""
    pairs = [pair for name in ("emails", "phoneNumbers") for pair in itertools.combinations(document.get(name, ()), 2)]
    return any(
        one.get("value") == other.get("value") and len({one.get("type"), other.get("type")} - {None}) < 2
        for one, other in pairs
    )


def by_us(document: Document, operations: list[Document]) -> Document | None:
    try:
        patched = apply_patch(document, {"Operations": operations}, user_schema()).document
    except ScimError:
        return None
    return {name: value for name, value in patched.items() if value not in ({}, [])}


@given(PEOPLE, st.lists(OPERATION, min_size=1, max_size=4))
def test_patch_ends_as_the_library_has_it(document: Document, operations: list[Document]) -> None:
    """Operations that no provider's ways are in leave the same document, or are refused by both."""
    expected = by_the_library(document, operations)
    event("refused" if expected is None else "applied")

    assert by_us(document, operations) == expected
