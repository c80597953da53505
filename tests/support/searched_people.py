"""People as the projector puts them into ``lms.users``, for tests of searches."""

import uuid
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from rollbook_contracts.facts.user import UserCreated
from rollbook_contracts.tables import lms
from rollbook_gateway.scim.compiled import user_schema
from rollbook_gateway.scim.rendering import Meta, render
from rollbook_projector.projections.users import put
from rollbook_projector.recorded import Recorded
from rollbook_projector.statements import columns_of, insert

CREATED = "2026-11-24T03:44:43.000000Z"
MODIFIED = "2026-11-24T03:44:44.500000Z"


def new_tenant() -> str:
    """Return a tenant id that no other test has."""
    return f"ten_{uuid.uuid4().hex}"


def id_of(number: int) -> str:
    """Return the id of a person by its place in the list."""
    return f"usr_{number:026d}"


async def insert_people(connection: asyncpg.Connection, tenant: str, documents: Sequence[dict[str, Any]]) -> None:
    """Put people into ``lms.users``; the sequence of each is its place, from 1."""
    facts = [
        (number + 1, UserCreated(id_of(number), CREATED, msgspec.Raw(msgspec.json.encode(document))))
        for number, document in enumerate(documents)
    ]
    await insert_facts(connection, tenant, facts)


async def insert_facts(connection: asyncpg.Connection, tenant: str, facts: Sequence[tuple[int, Any]]) -> None:
    """Put people into ``lms.users`` as facts of these sequences have them."""
    rows = []
    for sequence, fact in facts:
        recorded = Recorded(sequence, "user", tenant, fact.id, "user.created.v1", MODIFIED, "req_x", prev=0, fact=fact)
        rows.append(put(recorded).row)
    await connection.execute(insert(lms.users, "lms.users"), *columns_of(rows))


def resource(number: int, document: dict[str, Any]) -> dict[str, Any]:
    """Return the same person as the gateway answers it."""
    meta = Meta("User", CREATED, MODIFIED, f"http://gateway.example/Users/{id_of(number)}", number + 1)
    return render(document, id_of(number), meta, user_schema())
