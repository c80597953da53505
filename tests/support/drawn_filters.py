"""Hypothesis strategies for filters, and for text on which SQL and Python could differ."""

import json
from collections.abc import Collection

from hypothesis import strategies as st

from rollbook_gateway.scim.compiled import Attribute
from rollbook_gateway.scim.filters import EQUALITY, ORDER, SUBSTRING

WORDS = [
    "ada",
    "Ada",
    "ADA",
    "ad",
    "work",
    "Work",
    "\uff57\uff4f\uff52\uff4b",  # "work" in full-width letters
    "Stra\u00dfe",
    "STRASSE",
    "\u0130",  # İ
    "i\u0307",
    "\u03a3\u03c3\u03c2",  # three sigmas
    "\ufb00",  # ﬀ
    "A\u030a",
    "\u212b",  # Å of the physicists
    '"',
    "\\",
    "%_",
    "a\nb",
    "\t",
    "x.y@z.example",
    "\ue000",
    "\U0001d4b3",
    "0",
    "true",
    "null",
]
"""Text on which folding, escaping and collation could differ."""

TEXTS = st.one_of(st.sampled_from(WORDS), st.text('aA\u00df\u03c2"\\%_ \u0301\ue000\U0001d4b3', min_size=1, max_size=4))
DATES = st.sampled_from(
    [
        "2024-01-15",
        "2024-01-15T02:00:00+02:00",
        "1/15/2024 12:00:00 AM",
        "2024-01-15T00:00:00.0000001Z",
        "2026-08-07T12:34:56.1234567Z",
        "2026-11-24T03:44:43Z",
        "2026-11-24T04:44:44.5+01:00",
        "0099-12-31T23:59:59Z",
    ]
)

LITERALS = st.one_of(TEXTS, st.just(""))


def comparisons(name: str, attribute: Attribute, texts: st.SearchStrategy[str] = LITERALS) -> st.SearchStrategy[str]:
    """Return filters that compare an attribute with what its type allows."""
    compared = attribute.comparable
    if compared is None:
        return st.just(f"{name} pr")
    operators, literals = EQUALITY, texts.map(json.dumps)
    if compared.type == "boolean":
        literals = st.sampled_from(["true", "false"])
    elif compared.type == "dateTime":
        operators, literals = EQUALITY | ORDER, DATES.map(json.dumps)
    elif compared.type != "binary":
        operators = EQUALITY | ORDER | SUBSTRING
    compare = st.builds(f"{name} {{}} {{}}".format, st.sampled_from(sorted(operators)), literals)
    return st.one_of(compare, st.sampled_from([f"{name} pr", f"{name} eq null"]))


def joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return filters put together from filters."""
    return st.one_of(
        st.builds("not ({})".format, inner),
        st.builds("{} {} {}".format, inner, st.sampled_from(["and", "or"]), inner),
        st.builds("({}) {} ({})".format, inner, st.sampled_from(["and", "or"]), inner),
    )


def filters_about(
    attribute: Attribute, texts: st.SearchStrategy[str] = LITERALS, without: Collection[str] = ()
) -> st.SearchStrategy[str]:
    """Return filters on an attribute, its parts and its elements; ``without`` names parts that none may ask for."""
    parts = [sub for sub in attribute.sub_attributes.values() if sub.name not in without]
    kinds = [comparisons(attribute.path, attribute, texts)]
    kinds += [comparisons(sub.path, sub, texts) for sub in parts]
    if attribute.multi_valued:
        inside = st.one_of([comparisons(sub.name, sub, texts) for sub in parts])
        kinds.append(st.builds(f"{attribute.path}[{{}}]".format, st.recursive(inside, joined, max_leaves=3)))
    if attribute.multi_valued and "value" in attribute.sub_attributes:
        kinds.append(st.builds(f'{attribute.path}[type eq "work"].value eq {{}}'.format, TEXTS.map(json.dumps)))
    return st.one_of(kinds)
