"""Hypothesis strategies for requests over HTTP: shaped like SCIM's, with anything in any place."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from rollbook_contracts.urns import ENTERPRISE, GROUP, ILMS, USER
from support.scim import PATCH_OP

SUBS = ["value", "type", "primary", "display", "$ref", "givenName", "formatted", "id", "displayName", "email", "x", ""]
NAMES = [
    *("userName", "USERNAME", "name", "name.givenName", "displayName", "displayNa me", "active", "emails", "title"),
    *("externalId", "id", "meta", "meta.version", "schemas", "groups", "members", "roles", "addresses", "phoneNumbers"),
    *("password", "locale", "timezone", "manager", "manager.value", "photos", "nickName", "nope", "members.value"),
    *(USER, ENTERPRISE, ILMS, GROUP, "urn:ietf:params:scim:schemas:extension:ilms:20:User", "urn:x", "urn:", ":", "."),
    *(f"{ENTERPRISE}:{name}" for name in ("manager", "manager.value", "employeeNumber", "department", "departnment")),
    *(f"{ILMS}:{name}" for name in ("region", "division", "hireDate", "customField1", "manager.id", "manager")),
]
EXTENSION_NAMES = ["manager", "manager.id", "employeeNumber", "department", "departnment", "region", "hireDate", "x"]
ODD_TEXTS = [
    *("", " ", "\x00", "a\x00b", "\ud800", "\udfff\ud800", "\U0001d4b3", "\u0130", "\ufeff", "\u202e", "e\u0301"),
    *("True", "False", "null", "[]", "{", '{"id":1}', '"', "\\", "%", "%00", "%s", "'", "a@b.c", "US-East", "EMEA"),
    *("2024-01-15", "9999-12-31T23:59:59Z", "0000-00-00", "x" * 2000, "1e999", "usr_", "grp_", "\n", "\x7f"),
]
NUMBERS = [
    0,
    -1,
    1,
    2**31,
    2**53 + 1,
    2**63,
    -(2**63) - 1,
    2**64,
    10**400,
    0.1,
    -0.0,
    1e308,
    float("inf"),
    float("nan"),
]
DEEP = "@deep@"
"""Stands in a body for lists within lists, more of them than Python can encode."""

TEXTS = st.one_of(st.sampled_from(ODD_TEXTS), st.sampled_from(NAMES), st.text(st.characters(), max_size=8))
KEYS = st.one_of(st.sampled_from(NAMES), st.sampled_from(SUBS + EXTENSION_NAMES), TEXTS)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(NUMBERS),
    st.integers(),
    TEXTS,
    st.sampled_from(["{user}", "{group}", DEEP]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(SUBS + EXTENSION_NAMES), inner, max_size=3),
        st.dictionaries(KEYS, inner, max_size=3),
    ),
    max_leaves=6,
)


RIGHT: list[tuple[str, Any]] = [
    ("displayName", "D"),
    ("name.givenName", "G"),
    ("active", "False"),
    ("title", ""),
    ("externalId", "x"),
    ('emails[type eq "home"].value', "h@x.y"),
    ("roles", [{"value": "r", "primary": "True"}]),
    (f"{ILMS}:hireDate", "2024-01-15"),
    (f"{ILMS}:departnment", "Sales"),
    (f"{ENTERPRISE}:manager", "{user}"),
    ("members", [{"value": "{user}"}, {"value": "later"}]),
    ('members[value eq "{user}"]', None),
]
"""Paths and values that are taken, so that what is odd stands beside what would be applied."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A request; ``{user}`` and ``{group}`` in it stand for the ids of the two that are there."""

    method: str
    path: str
    body: bytes | None = None


def encoded(value: Any, depth: int) -> bytes:
    """Return a body's bytes: surrogates as escapes, as JSON has them, and lists so deep."""
    return json.dumps(value).replace(f'"{DEEP}"', "[" * depth + "]" * depth).encode()


def in_url(text: str, safe: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe=safe)


def bodies(base: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return bodies: a right one with anything in some places, or anything at all."""
    changes = st.dictionaries(st.one_of(st.sampled_from(NAMES), KEYS), VALUES, max_size=3)
    right = st.lists(st.sampled_from(RIGHT), max_size=3).map(dict)
    mixed = st.builds(lambda *parts: {**base, **parts[0], **parts[1]}, right, st.one_of(st.just({}), changes))
    return st.one_of(mixed, mixed, changes, VALUES)


def comparisons() -> st.SearchStrategy[str]:
    literals = st.one_of(TEXTS.map(json.dumps), TEXTS, st.sampled_from(NUMBERS).map(str), st.just('"{user}"'))
    operators = st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "le", "Eq", "pr", "xx", ""])
    return st.builds("{} {} {}".format, KEYS, operators, literals)


FILTERS = st.recursive(
    st.one_of(comparisons(), comparisons(), TEXTS),
    lambda inner: st.one_of(
        st.builds("{} {} {}".format, inner, st.sampled_from(["and", "or", "AND", ""]), inner),
        st.builds("{}({})".format, st.sampled_from(["", "not ", "not"]), inner),
        st.builds("{}[{}]".format, KEYS, inner),
        st.builds(lambda text, times: "(" * times + text + ")" * times, inner, st.sampled_from([50, 1500])),
    ),
    max_leaves=4,
)
PATHS = st.one_of(
    KEYS,
    st.sampled_from(['emails[type eq "work"].value', 'members[value eq "{user}"]', 'roles[primary eq "True"].value']),
    st.builds("{}[{}].{}".format, KEYS, FILTERS, st.sampled_from(SUBS)),
    st.builds("{}.{}".format, KEYS, TEXTS),
    VALUES,
)
OPS = st.sampled_from(["add", "Add", "replace", "Replace", "remove", "Remove"])
RIGHT_OPERATIONS = st.builds(
    lambda op, right: {"op": op, "path": right[0], "value": right[1]}, OPS, st.sampled_from(RIGHT)
)
OPERATIONS = st.one_of(
    RIGHT_OPERATIONS,
    RIGHT_OPERATIONS,
    st.fixed_dictionaries(
        {"op": st.one_of(OPS, OPS, SCALARS)},
        optional={"path": PATHS, "value": VALUES},
    ),
    VALUES,
)


def patches() -> st.SearchStrategy[Any]:
    """Return PATCH bodies: operations of any kind, or anything at all."""
    operations = st.builds(
        lambda right, odd, first: odd + right if first else right + odd,
        st.lists(RIGHT_OPERATIONS, max_size=3),
        st.lists(OPERATIONS, max_size=1),
        st.booleans(),
    )
    right = operations.map(lambda drawn: {"schemas": [PATCH_OP], "Operations": drawn})
    odd = st.fixed_dictionaries({}, optional={"schemas": VALUES, "Operations": VALUES, "operations": VALUES})
    return st.one_of(right, right, right, odd, VALUES)


PARAMETERS = st.one_of(
    st.tuples(st.just("filter"), FILTERS),
    st.tuples(st.sampled_from(["attributes", "excludedAttributes", "sortBy"]), st.one_of(KEYS, PATHS.map(str))),
    st.tuples(st.sampled_from(["startIndex", "count", "sortOrder", "cursor"]), SCALARS.map(str)),
    st.tuples(TEXTS, TEXTS),
)


@st.composite
def queries(draw: st.DrawFn, least: int = 0) -> str:
    """Draw a query, escaped as it should be or hardly."""
    safe = draw(st.sampled_from(["", "\"'()[]{}+:;,@!$*~%=&"]))
    pairs = draw(st.lists(PARAMETERS, min_size=least, max_size=2))
    return "?" * bool(pairs) + "&".join(f"{in_url(name, safe)}={in_url(text, safe)}" for name, text in pairs)


def odd_addresses(kind: str) -> st.SearchStrategy[str]:
    """Return addresses of something that is not there."""
    return TEXTS.map(lambda text: f"/{kind}/{in_url(text, '')}")


@st.composite
def writes(draw: st.DrawFn, user: dict[str, Any], group: dict[str, Any]) -> Drawn:
    """Draw a POST, PUT or PATCH of a person or a group, ``user`` and ``group`` being right bodies."""
    kind, base, there = draw(st.sampled_from([("Users", user, "{user}"), ("Groups", group, "{group}")]))
    method = draw(st.sampled_from(["POST", "PUT", "PATCH", "PATCH"]))
    path = f"/{kind}" if method == "POST" else f"/{kind}/{there}"
    if draw(st.integers(0, 9)) == 0:
        path = draw(odd_addresses(kind))
    path += draw(st.one_of(st.just(""), st.just(""), queries()))
    body = draw(patches() if method == "PATCH" else bodies(base))
    content = encoded(body, draw(st.sampled_from([3, 60, 500, 100_000])))
    if draw(st.integers(0, 19)) == 0:
        content = draw(st.one_of(st.binary(max_size=20), st.just(content[:-1]), st.just(content + b"\xff")))
    return Drawn(method, path, content)


@st.composite
def reads(draw: st.DrawFn) -> Drawn:
    """Draw a GET of a list or of one."""
    kind = draw(st.sampled_from(["Users", "Groups"]))
    there = draw(st.sampled_from(["", "", "/{user}" if kind == "Users" else "/{group}", "?"]))
    path = draw(odd_addresses(kind)) if there == "?" else f"/{kind}{there}"
    return Drawn("GET", path + draw(queries(least=1)))
