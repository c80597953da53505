"""Facts as they stand in the log, decoded for the projections; one that cannot be read says why instead of raising."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

import msgspec

from rollbook_contracts.facts.catalog import FACTS, Fact
from rollbook_contracts.facts.claim import ClaimReleased, ClaimTaken
from rollbook_contracts.facts.codec import UnknownFactError, decode_envelope, decode_fact
from rollbook_contracts.facts.membership import StagingAbandoned, StagingChunk, StagingCommitted
from rollbook_contracts.facts.system import EpochCorrected, EpochStarted, ParkDiscarded, ParkRetried
from rollbook_contracts.facts.tenant import TenantFact
from rollbook_contracts.identifiers import subject_token
from rollbook_contracts.subjects import parse

Kind: TypeAlias = Literal["user", "group", "members", "staging", "tenant", "system", "claim", "unknown"]


class LogMessage(NamedTuple):
    """A message of a stream, as it was received; ``stored`` is when it was stored, in nanoseconds since 1970."""

    sequence: int
    subject: str
    headers: Mapping[str, str]
    body: bytes
    stored: int = 0


class FactSource(Protocol):
    """A partition's log, asked for single messages."""

    async def at(self, sequence: int) -> LogMessage | None:
        """Return the message with a sequence, ``None`` where there is none."""

    async def next(self, subject: str, sequence: int) -> LogMessage | None:
        """Return the first message on a subject from a sequence on."""


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """A fact with its place in the log; ``fact`` is ``None`` where ``problem`` says why it could not be read."""

    sequence: int
    kind: Kind
    tenant: str
    resource: str
    wire_type: str
    time: str
    request_id: str
    prev: int
    fact: Fact | None
    problem: str = ""


def is_claim(message: LogMessage) -> bool:
    """Whether a message reserves or frees a unique value: such facts have no effect on the tables."""
    return message.subject.startswith("claim.")


def is_park_decision(message: LogMessage) -> bool:
    """Whether a message may be an operator's decision on a parked fact, which is applied in a batch of its own."""
    return message.subject.endswith(".system") and message.headers.get("ce-type", "").startswith("park.")


def is_correction(message: LogMessage) -> bool:
    """Whether a message tells what is put right at the start of an epoch: facts behind it follow what it says."""
    return message.subject.endswith(".system") and message.headers.get("ce-type", "").startswith("epoch.corrected.")


def members_in(message: LogMessage) -> int:
    """Return about how many values of members a message holds, without reading it."""
    if message.subject.endswith(".members") or ".staging." in message.subject:
        return message.body.count(b'","')
    return 0


def read(message: LogMessage) -> Recorded:
    """Decode a message."""
    headers = message.headers
    kind, tenant, resource, _ = address = _address(message.subject)
    fact, problem = _decoded(message)
    if fact is not None and not _belongs(fact, headers.get("ce-tenantid", ""), address):
        fact, problem = None, f"a {headers['ce-type']} that does not belong on subject {message.subject}"
    return Recorded(
        message.sequence,
        kind,
        tenant,
        resource,
        headers.get("ce-type", ""),
        headers.get("ce-time", ""),
        headers.get("ce-requestid", ""),
        _predecessor(headers.get("ce-prev", ""), message.sequence),
        fact,
        problem,
    )


def _decoded(message: LogMessage) -> tuple[Fact | None, str]:
    try:
        decode_envelope(message.headers)
        return decode_fact(message.headers, message.body), ""
    except UnknownFactError as error:
        return None, str(error)


def _address(subject: str) -> tuple[Kind, str, str, str]:
    try:
        address = parse(subject)
    except ValueError:
        # A kind of resource that a newer version writes: it is parked under its whole subject.
        tokens = subject.split(".", 3)
        return "unknown", tokens[2] if len(tokens) > 2 else "", subject, ""
    match address.space, address.kind:
        case "claim", _:
            return "claim", address.tenant, subject, ""
        case "fact", "user" | "group" | "members" | "staging" | "tenant" | "system" as kind:
            return kind, address.tenant, address.name, address.staging
    return "unknown", address.tenant, subject, ""


def _belongs(fact: Fact, tenant: str, address: tuple[Kind, str, str, str]) -> bool:
    """Whether a fact is about what its subject says."""
    kind, subject_tenant, resource, staging = address
    if kind != _KINDS[type(fact)]:
        return False
    match fact:
        case EpochStarted() | EpochCorrected() | ParkRetried() | ParkDiscarded() | ClaimTaken() | ClaimReleased():
            return True
        case TenantFact():
            return tenant == subject_tenant == fact.id
        case StagingChunk() | StagingCommitted() | StagingAbandoned() if subject_token(fact.staging) != staging:
            return False
    return tenant == subject_tenant and subject_token(fact.id) == resource


_FAMILIES: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "user": "user",
        "group": "group",
        "members": "members",
        "staging": "staging",
        "tenant": "tenant",
        "epoch": "system",
        "park": "system",
        "claim": "claim",
    }
)
_KINDS: Final[Mapping[type, Kind]] = MappingProxyType(
    {fact: _FAMILIES[wire_type.partition(".")[0]] for wire_type, fact in FACTS.items()}
)


def _predecessor(text: str, sequence: int) -> int:
    """Return the sequence that a fact names as its predecessor.

    In a write of several facts on one subject it is not known before they are stored: then it is the negative distance.
    """
    try:
        number = int(text)
    except ValueError:
        return -1
    return number if number >= 0 else sequence + number
