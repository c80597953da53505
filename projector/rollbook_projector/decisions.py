"""Operators' decisions on parked facts: checked against what is parked, written to the log; for `rollbook parked`."""

from collections.abc import Callable
from typing import Final, TypeAlias

from nats.aio.client import Client

from rollbook_contracts.facts.system import ParkDiscarded, ParkRetried
from rollbook_projector.parking import ParkedFact, ParkedTable, Queue
from rollbook_projector.session import Connection
from rollbook_projector.system_log import AppendRefusedError, append_about, last_about

_REMEDY: Final = "Write the resource again through SCIM"
_ALL_MEMBERS: Final = "Replace all members of the group through SCIM"
_REMEDIES: Final = {"members": _ALL_MEMBERS, "staging": _ALL_MEMBERS}
_APPLIED: Final = "SELECT seq FROM provisioning.checkpoints WHERE partition = $1"
_LIST: Final = f"SELECT {', '.join(ParkedFact._fields)} FROM provisioning.parked ORDER BY partition, seq"  # noqa: S608  # our own names


class DecisionRefusedError(ValueError):
    """The decision does not fit what is parked; the text says why and what to do."""


async def parked_facts(connection: Connection) -> list[ParkedFact]:
    """Return what is parked, queued behind it, or given up and not superseded yet."""
    return [ParkedFact(*row) for row in await connection.fetch(_LIST)]


def retry(queue: Queue, sequence: int) -> ParkRetried:
    """Decide to have a parked fact, and what waits behind it, applied again."""
    _require_first(queue, sequence)
    return ParkRetried(sequence)


def discard(queue: Queue, sequence: int) -> ParkDiscarded:
    """Decide to give a parked fact up; a later fact that supersedes it must wait behind it."""
    _require_first(queue, sequence)
    first, *later = queue.waiting
    if not any(first.is_superseded_by(fact) for fact in later):
        raise DecisionRefusedError(
            f"Fact {sequence} is the last one of {first.resource}: without it the tables would keep an "
            f"older state than the log. {_REMEDIES.get(first.chain, _REMEDY)}, then discard this fact, or retry it.",
        )
    return ParkDiscarded(sequence)


Rule: TypeAlias = Callable[[Queue, int], ParkRetried | ParkDiscarded]


async def decide(  # noqa: PLR0913  # an act of an operator: what is decided by what, on what, when
    client: Client, connection: Connection, rule: Rule, *, partition: int, sequence: int, request_id: str, time: str
) -> int:
    """Write the decision that ``retry`` or ``discard`` makes to the log; return its sequence there.

    It is guarded by the decision before it, which must be applied already: so it fits what is parked for certain, and a
    later replay may conclude from it that the fact was parked. Raises ``DecisionRefusedError``, or
    ``LogUnavailableError``, after which it is not known whether the decision was written.
    """
    expected = await last_about(client, partition)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        applied = await connection.fetchval(_APPLIED, partition)
        queue = (await ParkedTable().load(connection, partition)).queue_of(sequence)
    if (applied or 0) < expected:
        raise DecisionRefusedError("The decision before this one is not applied yet: try again in a moment.")
    decision = rule(queue, sequence)
    try:
        return await append_about(client, partition, decision, expected=expected, request_id=request_id, time=time)
    except AppendRefusedError as error:
        raise DecisionRefusedError(
            f"Somebody decided at the same time, or the log is full: {error}. Try again."
        ) from error


def _require_first(queue: Queue, sequence: int) -> None:
    if not queue.waiting:
        raise DecisionRefusedError(f"Fact {sequence} is not parked. `rollbook parked list` shows what is.")
    first = queue.waiting[0].seq
    if first != sequence:
        raise DecisionRefusedError(f"Fact {sequence} waits behind fact {first}: decide on that one.")
