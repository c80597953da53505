"""What the last fact of a parked person or group says to a search, where it can be read here."""

from collections.abc import Collection
from typing import Final, Protocol

import msgspec

from rollbook_contracts import subjects
from rollbook_contracts.facts.catalog import Fact
from rollbook_contracts.facts.codec import UnknownFactError, decode_envelope, decode_fact
from rollbook_contracts.facts.group import GroupDeleted, GroupFact
from rollbook_gateway.decide.state import PresentUser, user_state
from rollbook_gateway.log.port import Stored
from rollbook_gateway.scim.compiled import group_schema, user_schema
from rollbook_gateway.scim.evaluation import evaluate_without
from rollbook_gateway.scim.filters import Filter
from rollbook_gateway.scim.rendering import Meta, render
from rollbook_gateway.scim.values import Document
from rollbook_gateway.search.errors import StaleError
from rollbook_gateway.search.rows import GroupRow, UserRow

_OF_MEMBERS: Final = frozenset({"members", "meta.lastModified", "meta.version"})
"""What cannot be said of a group whose members are not known."""


class LastFacts(Protocol):
    """What is asked of the log about resources whose rows are behind."""

    async def last(self, partition: int, subject: str) -> Stored | None:
        """Return the last message on a subject, ``None`` where there is none; raises ``UnavailableError``."""


async def person(log: LastFacts, partition: int, tenant: str, user_id: str, condition: Filter | None) -> UserRow | None:
    """Return a parked person as the last fact has it; ``None`` for one who is gone, or does not match.

    A manager is known there by what was sent alone. Raises ``StaleError`` where the fact cannot be read here either,
    or where the answer hangs on the person's groups.
    """
    stored = await log.last(partition, subjects.user(partition, tenant, user_id))
    if stored is None:
        return None
    fact, time = _read(stored)
    state = user_state(fact, sequence=stored.sequence, time=time)
    if not isinstance(state, PresentUser):
        return None
    # No filter on the location comes this far.
    meta = Meta("User", state.created, state.last_modified, location="", version=state.sequence)
    if not _matches("groups", condition, render(state.document, state.id, meta, user_schema()), {"groups"}):
        return None
    document = msgspec.json.encode(state.document).decode()
    return UserRow(state.id, document, state.created, state.last_modified, state.sequence)


async def group(
    log: LastFacts, partition: int, tenant: str, group_id: str, condition: Filter | None
) -> GroupRow | None:
    """Return a parked group, without its members, as the last facts have it; ``None`` likewise.

    Raises ``StaleError`` where the head cannot be read here either, or where the answer hangs on the members, or on
    when they changed.
    """
    head = await log.last(partition, subjects.group(partition, tenant, group_id))
    if head is None:
        return None
    fact, time = _read(head)
    if isinstance(fact, GroupDeleted):
        return None
    if not isinstance(fact, GroupFact):
        raise TypeError(f"{type(fact).__name__} is no fact of a group's head")
    document = bytes(fact.document).decode()
    found = GroupRow(fact.id, document, fact.created, time, None, head.sequence, 0)
    return found if _matches("members", condition, _resource(found), _OF_MEMBERS) else None


def _read(stored: Stored) -> tuple[Fact, str]:
    """Return a fact and its time."""
    try:
        return decode_fact(stored.headers, stored.body), decode_envelope(stored.headers).time
    except (UnknownFactError, msgspec.MsgspecError) as error:
        raise StaleError(f"the last fact on {stored.subject} is parked and cannot be read") from error


def _matches(what: str, condition: Filter | None, resource: Document, unknown: Collection[str]) -> bool:
    verdict = condition is None or evaluate_without(unknown, condition, resource)
    if verdict is None:
        raise StaleError(f"facts of {resource['id']} are parked, and {what} were asked for")
    return verdict


def _resource(found: GroupRow) -> Document:
    """Return a group as filters see it, but for what hangs on its members."""
    meta = Meta("Group", found.created, found.last_modified, location="", version=found.fact_seq)
    return render(msgspec.json.decode(found.document), found.id, meta, group_schema())
