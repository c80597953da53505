"""From a decision to a write: envelopes around the planned facts, encoded; pure but for what it is handed."""

from collections.abc import Sequence

from rollbook_contracts.facts.codec import encode
from rollbook_contracts.facts.envelope import Envelope, fact_id
from rollbook_gateway.decide.user import PlannedFact
from rollbook_gateway.log.port import Message, Write


def assemble(planned: Sequence[PlannedFact], *, partition: int, tenant: str, request_id: str, now: str) -> Write:
    """Encode the facts of one decision into one write; ``now`` is RFC 3339 in UTC."""
    return Write(
        partition=partition,
        request_id=request_id,
        messages=tuple(
            _message(fact, Envelope(fact_id(request_id, position), tenant, fact.about, now, request_id, fact.expected))
            for position, fact in enumerate(planned)
        ),
    )


def _message(planned: PlannedFact, envelope: Envelope) -> Message:
    headers, body = encode(planned.fact, envelope)
    return Message(planned.subject, headers, body, planned.expected)
