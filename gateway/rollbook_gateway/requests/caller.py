"""Who asks, and what is answered: the two values that pass between the edge and the requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from rollbook_gateway.decide.user import Tenant
from rollbook_gateway.provisioning_log.draft import Draft
from rollbook_gateway.scim.values import Document


@dataclass(frozen=True, slots=True)
class Caller:
    """One admitted request: its tenant, its id, the address under which the tenant's resources are known, conditions.

    ``if_match`` and ``if_none_match`` are the headers as sent (RFC 9110, 13.1), ``None`` where there are none.
    ``draft`` is told what the provisioning log wants to know of the request.
    """

    tenant: Tenant
    request_id: str
    base_url: str
    if_match: str | None = None
    if_none_match: str | None = None
    draft: Draft = field(default_factory=Draft)


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a JSON body (empty for none) and the headers that SCIM asks for.

    A body of many parts is sent part by part.
    """

    status: int
    body: bytes | Sequence[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def answer(status: int, document: Document, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer with a JSON body."""
    return Answer(status, msgspec.json.encode(document), headers or {})
