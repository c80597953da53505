"""Hypothesis strategies for people: clean ones as the RFCs have them, and bodies as bad as JSON can be."""

from typing import Any

from hypothesis import strategies as st

from rollbook_contracts.urns import ENTERPRISE, ILMS
from rollbook_gateway.scim.compiled import user_schema

WORDS = st.sampled_from(["ada", "bo", "cy", "Dee", "x y", "z-1"])
ADDRESSES = st.sampled_from(["ada@x.example", "bo@x.example", "cy@y.example", "Dee@y.example"])
TYPES = st.sampled_from(["work", "home", "other"])


def elements(values: st.SearchStrategy[str], types: st.SearchStrategy[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Lists of typed values that differ and of which one at most is primary."""

    def with_primary(drawn: tuple[list[dict[str, Any]], int]) -> list[dict[str, Any]]:
        found, primary = drawn
        return [{**element, "primary": True} if place == primary else element for place, element in enumerate(found)]

    element = st.fixed_dictionaries({"value": values, "type": types})
    lists = st.lists(element, min_size=1, max_size=3, unique_by=lambda one: one["value"].lower())
    return st.tuples(lists, st.integers(0, 6)).map(with_primary)


EMAILS = elements(ADDRESSES, TYPES)
PHONES = elements(WORDS, st.sampled_from(["work", "mobile"]))

CLEAN: dict[str, st.SearchStrategy[Any]] = {
    "displayName": WORDS,
    "title": WORDS,
    "externalId": WORDS,
    "active": st.booleans(),
    "name": st.fixed_dictionaries({"givenName": WORDS}, optional={"familyName": WORDS, "formatted": WORDS}),
    "emails": EMAILS,
    "phoneNumbers": PHONES,
}
"""Attributes outside the extensions with values that nothing has to be forgiven for."""

CLEAN_ENTERPRISE = st.fixed_dictionaries(
    {"department": WORDS},
    optional={"employeeNumber": WORDS, "manager": st.fixed_dictionaries({"value": WORDS})},
)
CLEAN_ILMS = st.fixed_dictionaries({"region": WORDS}, optional={"customField1": WORDS})

PEOPLE = st.fixed_dictionaries(
    {"userName": WORDS},
    optional={**CLEAN, ENTERPRISE: CLEAN_ENTERPRISE, ILMS: CLEAN_ILMS},
)
"""Documents as the RFCs have them."""

_TEXT = st.one_of(st.text(max_size=8), st.sampled_from(["True", "false", "", "2024-01-15", '{"value": "x"}', "\ud800"]))
_NAMES = st.one_of(
    st.sampled_from(sorted(user_schema().table)),
    st.sampled_from(["value", "type", "primary", "VALUE", "$ref", "region", "manager.email", "hireDate"]),
    st.text(max_size=5),
)

JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), _TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_NAMES, inner, max_size=4)),
    max_leaves=12,
)
"""Anything that JSON holds, with the names of attributes in it."""

BODIES = st.builds(lambda body, name: {**body, "userName": name}, st.dictionaries(_NAMES, JSON, max_size=6), WORDS)
"""Bodies of which nothing is to be expected but that they have a userName."""

PATHS = st.one_of(
    _NAMES,
    st.sampled_from(
        ['emails[type eq "work"].value', 'roles[primary eq "True"]', 'emails[value pr or type co "w"]', "emails.value"]
    ),
)

OPERATIONS = st.lists(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "Replace", "remove"])},
        optional={"path": PATHS, "value": JSON},
    ),
    max_size=4,
)
"""Operations of which nothing is to be expected but the name of a verb."""
