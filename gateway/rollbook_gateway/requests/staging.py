"""A replacement of many members goes ahead in chunks, which have no effect before they are committed; for group writes.

A request that ends half-way leaves chunks behind; the janitor abandons them.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from rollbook_contracts import subjects
from rollbook_contracts.facts.membership import StagingAbandoned, StagingChunk, StagingCommitted
from rollbook_gateway.decide.membership import Values
from rollbook_gateway.decide.user import PlannedFact, Tenant
from rollbook_gateway.decide.write import assemble
from rollbook_gateway.log.port import EventLog, LogError, RefusedError, UnavailableError

CHUNKS_AT_ONCE: Final = 16
"""Chunks in one batch, half a megabyte: what others write to the partition passes between the batches."""
BYTES_AT_ONCE: Final = 512 * 1024


@dataclass(frozen=True, slots=True)
class Staging:
    """The chunks of one request, all of them stored; ``last`` is the sequence of the last one."""

    tenant: Tenant
    group_id: str
    id: str
    chunks: int
    last: int

    @property
    def subject(self) -> str:
        return subjects.group_staging(self.tenant.partition, self.tenant.id, self.group_id, self.id)

    def committed(self) -> PlannedFact:
        """Return the fact that ends it and goes into the log with the replacement."""
        return PlannedFact(
            self.subject, self.group_id, StagingCommitted(self.group_id, self.id, self.chunks), self.last
        )

    def abandoned(self) -> PlannedFact:
        """Return the fact that ends it without effect."""
        return PlannedFact(self.subject, self.group_id, StagingAbandoned(self.group_id, self.id), self.last)


async def stage(  # noqa: PLR0913  # whose members, which, when and until when
    log: EventLog,
    tenant: Tenant,
    group_id: str,
    request_id: str,
    pieces: tuple[Values, ...],
    *,
    now: str,
    deadline: float,
) -> Staging:
    """Store the chunks of a replacement; the id of the request names the staging."""
    staging = Staging(tenant, group_id, request_id, 0, 0)
    while staging.chunks < len(pieces):
        some = _some(pieces, staging.chunks)
        planned = [
            PlannedFact(
                staging.subject,
                group_id,
                StagingChunk(group_id, request_id, staging.chunks + place, values),
                staging.last if place == 0 else None,
            )
            for place, values in enumerate(some)
        ]
        write = assemble(
            planned,
            partition=tenant.partition,
            tenant=tenant.id,
            request_id=request_id,
            now=now,
            first=staging.chunks,
        )
        try:
            last = await log.append(write, deadline=deadline)
        except RefusedError as refusal:
            raise UnavailableError("the replacement took so long that it was abandoned") from refusal
        staging = Staging(tenant, group_id, request_id, staging.chunks + len(some), last)
    return staging


async def abandon(log: EventLog, staging: Staging, *, now: str, deadline: float) -> None:
    """End a staging whose request was refused; where that fails the janitor does it later."""
    write = assemble(
        [staging.abandoned()],
        partition=staging.tenant.partition,
        tenant=staging.tenant.id,
        request_id=staging.id,
        now=now,
        first=staging.chunks,
    )
    with suppress(LogError):
        await log.append(write, deadline=deadline)


def _some(pieces: tuple[Values, ...], start: int) -> tuple[Values, ...]:
    """Return the next pieces that go together: one at least."""
    size = 0
    for count, piece in enumerate(pieces[start : start + CHUNKS_AT_ONCE]):
        size += sum(map(len, piece))
        if count and size > BYTES_AT_ONCE:
            return pieces[start : start + count]
    return pieces[start : start + CHUNKS_AT_ONCE]
