"""The same law for what stands in tables of its own: members of groups, groups of people, and linked managers."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from rollbook_contracts.urns import ENTERPRISE
from rollbook_gateway.scim.compiled import ResourceSchema, Target, group_schema, user_schema
from rollbook_gateway.scim.evaluation import evaluate
from rollbook_gateway.scim.filters import parse_filter
from rollbook_gateway.search.columns import Searched
from rollbook_gateway.search.compile import compile_filter
from rollbook_gateway.search.group_columns import GROUPS
from rollbook_gateway.search.user_columns import MANAGER, PEOPLE
from support.drawn_filters import LITERALS, TEXTS, comparisons, filters_about, joined
from support.searched_groups import Group, group_id_of, group_resource, insert_groups
from support.searched_people import id_of, insert_people, new_tenant, resource

IDS = [id_of(number) for number in range(3)]
NAMES = st.one_of(TEXTS, st.sampled_from([*IDS, group_id_of(0), group_id_of(1), "User", "direct"]))
LINKS = st.one_of(st.none(), st.sampled_from(IDS))

MEMBER_FILTERS = [
    "displayName",
    "externalId",
    "id",
    "schemas",
    "meta.created",
    "meta.lastModified",
    "meta.version",
    "meta.resourceType",
]
PERSON_FILTERS = ["id", "userName", f"{ENTERPRISE}:manager", MANAGER, f"{ENTERPRISE}:manager.displayName"]


@dataclass(frozen=True)
class Case:
    """Three people, whom their managers link to, and groups of them; filters on groups and on people."""

    people: list[dict[str, Any]]
    managers: list[str | None]
    groups: list[Group]
    filters: list[str]

    @property
    def names(self) -> dict[str, str]:
        """What the people are called."""
        return {
            one: person.get("displayName", person["userName"].strip())
            for one, person in zip(IDS, self.people, strict=True)
        }


PEOPLE_DRAWN = st.fixed_dictionaries(
    {"userName": TEXTS},
    optional={
        "displayName": TEXTS,
        ENTERPRISE: st.fixed_dictionaries({"manager": st.fixed_dictionaries({"value": NAMES})}),
    },
)
GROUPS_DRAWN = st.builds(
    Group,
    st.fixed_dictionaries({"displayName": TEXTS}, optional={"externalId": TEXTS}),
    ids=st.lists(st.sampled_from(IDS), unique=True).map(tuple),
    sent=st.dictionaries(TEXTS, LINKS, max_size=3),
)


def filters(schema: ResourceSchema, paths: Sequence[str], related: str) -> st.SearchStrategy[list[str]]:
    """Draw filters on some attributes, and on the one that stands in tables of its own."""
    texts = st.one_of(LITERALS, NAMES)
    about = [comparisons(path, target(schema, path).leaf, texts) for path in paths]
    about += [filters_about(target(schema, related).attribute, texts, without={"$ref"})] * 4
    return st.lists(st.recursive(st.one_of(about), joined, max_leaves=4), min_size=1, max_size=5)


def target(schema: ResourceSchema, path: str) -> Target:
    """Return what a path means."""
    found = schema.resolve(path)
    assert isinstance(found, Target)
    return found


def cases(drawn: st.SearchStrategy[list[str]]) -> st.SearchStrategy[Case]:
    """Draw cases with such filters."""
    people = st.lists(PEOPLE_DRAWN, min_size=3, max_size=3)
    return st.builds(
        Case,
        people,
        st.lists(LINKS, min_size=3, max_size=3),
        st.lists(GROUPS_DRAWN, min_size=1, max_size=4),
        drawn,
    )


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Lend a connection to the test's database."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def insert(connection: asyncpg.Connection, case: Case) -> str:
    """Put a case into the tables; return its tenant."""
    tenant = new_tenant()
    await insert_people(connection, tenant, case.people)
    await insert_groups(connection, tenant, case.groups)
    await connection.executemany(
        "UPDATE lms.users SET manager_id = $3 WHERE tenant = $1 AND id = $2",
        [(tenant, one, manager) for one, manager in zip(IDS, case.managers, strict=True)],
    )
    return tenant


async def found(
    connection: asyncpg.Connection, tenant: str, text: str, schema: ResourceSchema, searched: Searched
) -> list[str]:
    """Return the ids that the compiled filter finds."""
    compiled = compile_filter(parse_filter(text, schema), after=1, searched=searched)
    table = "lms.users" if searched is PEOPLE else "lms.groups"
    statement = f"SELECT id FROM {table} WHERE tenant = $1 AND {compiled.sql} ORDER BY id"
    return [row[0] for row in await connection.fetch(statement, tenant, *compiled.parameters)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(case=cases(filters(group_schema(), MEMBER_FILTERS, "members")))
async def test_sql_finds_the_groups_for_which_the_filter_holds(connection: asyncpg.Connection, case: Case) -> None:
    """Any filter on groups: members are known by every name that was sent, and by the ids of those linked."""
    tenant = await insert(connection, case)
    for text in case.filters:
        condition = parse_filter(text, group_schema())
        wanted = [
            group_id_of(number)
            for number, group in enumerate(case.groups)
            if evaluate(condition, group_resource(number, group, case.names))
        ]
        event("holds for " + ("some" if 0 < len(wanted) < len(case.groups) else "all or none"))

        assert await found(connection, tenant, text, group_schema(), GROUPS) == wanted, text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(case=cases(filters(user_schema(), PERSON_FILTERS, "groups")))
async def test_sql_finds_the_people_for_whom_the_filter_holds(connection: asyncpg.Connection, case: Case) -> None:
    """Any filter on people's groups and managers: a manager is known as sent, and by the id of whom it links to."""
    tenant = await insert(connection, case)
    for text in case.filters:
        condition = parse_filter(text, user_schema())
        wanted = [
            one
            for number, (one, manager) in enumerate(zip(IDS, case.managers, strict=True))
            if evaluate(condition, person(case, number), {MANAGER: manager} if manager else {})
        ]
        event("holds for " + ("some" if 0 < len(wanted) < len(IDS) else "all or none"))

        assert await found(connection, tenant, text, user_schema(), PEOPLE) == wanted, text


def person(case: Case, number: int) -> dict[str, Any]:
    """Return a person as filters see one, with the groups."""
    theirs = [
        {"value": group_id_of(place), "display": group.document["displayName"], "type": "direct"}
        for place, group in enumerate(case.groups)
        if IDS[number] in group.ids or IDS[number] in group.sent.values()
    ]
    return {**resource(number, case.people[number]), **({"groups": theirs} if theirs else {})}
