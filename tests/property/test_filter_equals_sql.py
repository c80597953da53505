"""The law of searches: PostgreSQL finds by a compiled filter exactly the people for whom ``evaluate`` holds."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from rollbook_gateway.scim.compiled import Attribute, Target, user_schema
from rollbook_gateway.scim.evaluation import evaluate
from rollbook_gateway.scim.filters import EQUALITY, ORDER, SUBSTRING, parse_filter
from rollbook_gateway.search.compile import compile_filter
from support.searched_people import id_of, insert_people, new_tenant, resource

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

STORED = [attribute for attribute in user_schema().attributes if attribute.stored]
COMMON = ["id", "active", "schemas", "groups.value", "meta", "meta.created", "meta.lastModified", "meta.version"]
"""What a filter may name beside the attributes that the drawn people have."""


@dataclass(frozen=True)
class Case:
    """People and filters about the same few attributes, so that a filter holds for some of them."""

    people: list[dict[str, Any]]
    filters: list[str]


def values(attribute: Attribute) -> st.SearchStrategy[Any]:
    """Return values of an attribute as the canonical document holds them."""
    one: st.SearchStrategy[Any] = TEXTS
    if attribute.type == "complex":
        parts = {sub.name: values(sub) for sub in attribute.sub_attributes.values() if sub.stored}
        one = st.sets(st.sampled_from(sorted(parts)), min_size=1).flatmap(
            lambda names: st.fixed_dictionaries({name: parts[name] for name in sorted(names)})
        )
    elif attribute.type in {"boolean", "dateTime"}:
        one = st.booleans() if attribute.type == "boolean" else DATES
    return st.lists(one, min_size=1, max_size=3) if attribute.multi_valued else one


def comparisons(name: str, attribute: Attribute) -> st.SearchStrategy[str]:
    """Return filters that compare an attribute with what its type allows."""
    compared = attribute.comparable
    if compared is None:
        return st.just(f"{name} pr")
    operators, literals = EQUALITY, LITERALS.map(json.dumps)
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


def filters_about(attribute: Attribute) -> st.SearchStrategy[str]:
    """Return filters on an attribute, its parts and its elements."""
    kinds = [comparisons(attribute.path, attribute)]
    kinds += [comparisons(sub.path, sub) for sub in attribute.sub_attributes.values()]
    if attribute.multi_valued:
        inside = st.one_of([comparisons(sub.name, sub) for sub in attribute.sub_attributes.values()])
        kinds.append(st.builds(f"{attribute.path}[{{}}]".format, st.recursive(inside, joined, max_leaves=3)))
    if attribute.multi_valued and "value" in attribute.sub_attributes:
        kinds.append(st.builds(f'{attribute.path}[type eq "work"].value eq {{}}'.format, TEXTS.map(json.dumps)))
    return st.one_of(kinds)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a case."""
    about = draw(st.lists(st.sampled_from(STORED), min_size=1, max_size=3, unique_by=lambda one: one.path))
    if draw(st.booleans()):
        about.append(EMAILS)
    people = []
    for _ in range(draw(st.integers(2, 4))):
        person: dict[str, Any] = {"userName": draw(TEXTS)}
        for attribute in draw(st.lists(st.sampled_from(about), max_size=4)):
            holder = person.setdefault(attribute.schema, {}) if attribute.extension else person
            holder[attribute.name] = draw(values(attribute))
        people.append(person)
    named = [filters_about(attribute) for attribute in about] + [comparisons(path, leaf(path)) for path in COMMON]
    filters = st.recursive(st.one_of(named), joined, max_leaves=4)
    return Case(people, draw(st.lists(filters, min_size=1, max_size=5)))


def leaf(path: str) -> Attribute:
    """Return the attribute that a path means."""
    target = user_schema().resolve(path)
    assert isinstance(target, Target)
    return target.leaf


EMAILS = leaf("emails")


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Lend a connection to the test's database."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(case=cases())
async def test_sql_finds_whom_the_filter_holds_for(connection: asyncpg.Connection, case: Case) -> None:
    """Any filter on any people: the rows that SQL returns are those for whose documents the filter holds."""
    tenant = new_tenant()
    await insert_people(connection, tenant, case.people)
    for text in case.filters:
        condition = parse_filter(text, user_schema())
        wanted = [
            id_of(number)
            for number, document in enumerate(case.people)
            if evaluate(condition, resource(number, document))
        ]
        event("holds for " + ("nobody" if not wanted else "everybody" if len(wanted) == len(case.people) else "some"))

        assert await found(connection, tenant, text) == wanted, text


async def found(connection: asyncpg.Connection, tenant: str, text: str) -> list[str]:
    """Return the ids that the compiled filter finds."""
    compiled = compile_filter(parse_filter(text, user_schema()), after=1)
    statement = f"SELECT id FROM lms.users WHERE tenant = $1 AND {compiled.sql} ORDER BY id"
    return [row[0] for row in await connection.fetch(statement, tenant, *compiled.parameters)]
