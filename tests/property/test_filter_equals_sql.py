"""The law of searches: PostgreSQL finds by a compiled filter exactly the people for whom ``evaluate`` holds."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from rollbook_gateway.scim.compiled import Attribute, Target, user_schema
from rollbook_gateway.scim.evaluation import evaluate
from rollbook_gateway.scim.filters import parse_filter
from rollbook_gateway.search.compile import compile_filter
from support.drawn_filters import DATES, TEXTS, comparisons, filters_about, joined
from support.searched_people import id_of, insert_people, new_tenant, resource

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
