"""A request's draft and its answer become an entry of the provisioning log; called by the edge for each answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import msgspec

from rollbook_contracts.facts.catalog import Fact
from rollbook_contracts.facts.group import GroupFact
from rollbook_contracts.facts.membership import MembersAdded, MembersClosed, MembersRemoved, MembersReplaced
from rollbook_contracts.facts.user import UserDeactivated, UserFact, UserReactivated
from rollbook_contracts.requests.entry import Entry, Outcome, Provider
from rollbook_gateway.provisioning_log.draft import Draft, known_name

LONGEST_NAME: Final = 200
LONGEST_TEXT: Final = 1_000
MOST_CHANGED: Final = 50
"""Characters and attributes that are kept; what a person reads needs no more."""

_TYPES: Final = MappingProxyType(
    {
        "Users": "User",
        "Groups": "Group",
        "Schemas": "Schema",
        "ResourceTypes": "ResourceType",
        "ServiceProviderConfig": "ServiceProviderConfig",
    }
)
_DONE: Final[Mapping[str, Outcome]] = MappingProxyType({"POST": "created", "DELETE": "deleted"})
_CHANGING: Final = frozenset({"PUT", "PATCH"})
_OF_MEMBERS: Final = (MembersAdded, MembersRemoved, MembersReplaced, MembersClosed)


class Refusal(msgspec.Struct, frozen=True):
    """What a SCIM error body says."""

    detail: str = ""
    scim_type: str = msgspec.field(default="", name="scimType")


@dataclass(frozen=True, slots=True)
class Arrived:
    """A request as it came: ``time`` is RFC 3339, ``path`` what follows the Tenant URL."""

    request_id: str
    time: str
    tenant: str
    key_id: str
    provider: Provider
    method: str
    path: str


def entry(arrived: Arrived, draft: Draft, *, status: int, error_body: bytes, milliseconds: float) -> Entry:
    """Return the entry; ``error_body`` is the body of a refusal or failure, empty for any other answer."""
    resource_type, resource_id = resource(arrived.path)
    refusal = refusal_in(error_body)
    return Entry(
        request_id=arrived.request_id,
        time=arrived.time,
        tenant=arrived.tenant,
        key_id=arrived.key_id,
        provider=arrived.provider,
        method=arrived.method,
        resource_type=resource_type,
        resource_id=draft.resource_id or storable(resource_id, LONGEST_NAME),
        resource_name=storable(draft.resource_name or known_name(draft.message or {}), LONGEST_NAME),
        outcome=outcome(arrived, draft, status),
        status=status,
        scim_type=refusal.scim_type,
        detail=storable(refusal.detail, LONGEST_TEXT),
        changed=changed(draft.facts)[:MOST_CHANGED] if arrived.method in _CHANGING else (),
        notes=tuple(storable(sentence, LONGEST_TEXT) for sentence in draft.notes),
        first_fact=draft.last - len(draft.facts) + 1 if draft.facts else 0,
        last_fact=draft.last,
        milliseconds=milliseconds,
    )


def resource(path: str) -> tuple[str, str]:
    """Return the type and id of the resource at an address; of an address that nothing has, the address as the id."""
    collection, _, rest = path.strip("/").partition("/")
    if collection in _TYPES:
        return _TYPES[collection], "" if rest == ".search" else rest
    return "", "" if collection == ".search" else path


def outcome(arrived: Arrived, draft: Draft, status: int) -> Outcome:
    """Return in one word what became of a request."""
    if status >= 400:
        return "failed" if status >= 500 else "refused"
    if arrived.method == "GET" or arrived.path.endswith("/.search"):
        return "read"
    if arrived.method in _DONE:
        return _DONE[arrived.method]
    if not draft.facts:
        return "unchanged"
    kinds = {type(fact) for fact in draft.facts}
    if UserDeactivated in kinds:
        return "deactivated"
    return "reactivated" if UserReactivated in kinds else "updated"


def changed(facts: Sequence[Fact]) -> tuple[str, ...]:
    """Return the names of the attributes that facts changed."""
    names: list[str] = []
    for fact in facts:
        if isinstance(fact, UserFact | GroupFact):
            names += fact.changed
    if any(isinstance(fact, _OF_MEMBERS) for fact in facts):
        names.append("members")
    return tuple(names)


def refusal_in(body: bytes) -> Refusal:
    """Read an error body; one of another form, such as OAuth's, says nothing here."""
    try:
        return msgspec.json.decode(body, type=Refusal) if body else Refusal()
    except msgspec.MsgspecError:
        return Refusal()


def storable(text: str, longest: int) -> str:
    """Return text as PostgreSQL holds it: short, without U+0000 and lone surrogates."""
    if len(text) > longest:
        text = f"{text[: longest - 1]}…"
    if "\0" not in text and text.isprintable():
        return text
    return text.replace("\0", "�").encode(errors="replace").decode()
