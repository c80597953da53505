"""From decisions to a write: envelopes around the planned facts, encoded; pure but for what it is handed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rollbook_contracts.facts.codec import encode
from rollbook_contracts.facts.envelope import Envelope, fact_id
from rollbook_gateway.decide.user import PlannedFact
from rollbook_gateway.log.port import Message, Write


@dataclass(frozen=True, slots=True)
class Portion:
    """What one request contributes to a write; ``first`` is the place of its first fact among all that it writes."""

    planned: Sequence[PlannedFact]
    request_id: str
    first: int = 0


def assemble(
    planned: Sequence[PlannedFact], *, partition: int, tenant: str, request_id: str, now: str, first: int = 0
) -> Write:
    """Encode the facts of one decision into one write; ``now`` is RFC 3339 in UTC."""
    return assemble_chain([Portion(planned, request_id, first)], partition=partition, tenant=tenant, now=now)


def assemble_chain(portions: Sequence[Portion], *, partition: int, tenant: str, now: str) -> Write:
    """Encode facts of several requests into one write, each fact under its own request's id."""
    messages = chain_messages(portions, tenant=tenant, now=now)
    return Write(partition, portions[0].request_id, tuple(messages))


def chain_messages(portions: Sequence[Portion], *, tenant: str, now: str) -> Iterator[Message]:
    """Yield the messages of such a write, for who has many and encodes them little by little."""
    last: dict[str, int] = {}
    for position, (portion, place, planned) in enumerate(_facts(portions)):
        # The sequence before a fact without a guard is not known yet: it names the distance to it within the write.
        prev = planned.expected if planned.expected is not None else last[planned.subject] - position
        last[planned.subject] = position
        envelope = Envelope(
            fact_id(portion.request_id, portion.first + place), tenant, planned.about, now, portion.request_id, prev
        )
        headers, body = encode(planned.fact, envelope)
        beside, expected = planned.beside or (None, planned.expected)
        yield Message(planned.subject, headers, body, expected, beside)


def _facts(portions: Sequence[Portion]) -> Iterator[tuple[Portion, int, PlannedFact]]:
    for portion in portions:
        for place, planned in enumerate(portion.planned):
            yield portion, place, planned
