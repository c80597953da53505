"""What became of writes in a batch that was refused or not answered, read from the leader; asked by the lane."""

import asyncio
from collections.abc import Sequence
from typing import TypeAlias

from rollbook_gateway.log.coalescer import Pending
from rollbook_gateway.log.guards import guarded, is_ours
from rollbook_gateway.log.port import RefusedError, Write
from rollbook_gateway.log.reads import LeaderReads

Verdict: TypeAlias = int | RefusedError
"""The sequence of the write's last message, or the refusal that its caller gets."""


async def settle(reads: LeaderReads, write: Write) -> Verdict | None:
    """Find out what became of a write of which a copy may be stored; ``None`` where nothing can be said yet.

    The first message beyond a guard decides for the whole write: it is ours, or it is another's and no copy of ours can
    ever be stored. No message there proves nothing: a copy may still be on its way.
    """
    for position, message, expected in guarded(write):
        found = await reads.after(write.partition, message.subject, expected)
        if found is None:
            continue
        if is_ours(message, found):
            return found.sequence + len(write.messages) - 1 - position
        last = await reads.last(write.partition, message.subject)
        return RefusedError(message.subject, (last or found).sequence)
    return None


async def judge(reads: LeaderReads, batch: Sequence[Pending], last: int | None) -> list[tuple[Pending, Verdict]]:
    """Say which writes of a refused batch are to blame, or are stored already; ``last`` is what the refusal named.

    None of them where the refusal was another's write on its way, which only a cluster tells of.
    """
    in_doubt = [pending for pending in batch if pending.uncertain]
    if in_doubt:
        verdicts = await asyncio.gather(*(settle(reads, pending.write) for pending in in_doubt))
        settled = [
            (pending, verdict) for pending, verdict in zip(in_doubt, verdicts, strict=True) if verdict is not None
        ]
        if settled:
            return settled
    certain = [pending for pending in batch if not pending.uncertain]
    # A second refusal in a row means several culprits: all guards are read at once rather than one culprit a round.
    if last is not None and not any(pending.refused_before for pending in certain):
        named = await _named_by(reads, certain, last)
        if named:
            return named
    return await _stale_guards(reads, certain)


async def _named_by(reads: LeaderReads, batch: Sequence[Pending], last: int) -> list[tuple[Pending, Verdict]]:
    guards = [(pending, message.subject) for pending in batch for _, message, _ in guarded(pending.write)]
    if len(guards) == 1:
        pending, subject = guards[0]
        return [(pending, RefusedError(subject, last))]
    found = await reads.at(batch[0].write.partition, last) if last and batch else None
    return [
        (pending, RefusedError(found.subject, last))
        for pending, subject in guards
        if found is not None and subject == found.subject
    ]


async def _stale_guards(reads: LeaderReads, batch: Sequence[Pending]) -> list[tuple[Pending, Verdict]]:
    culprits = await asyncio.gather(*(_stale_guard(reads, pending.write) for pending in batch))
    return [(pending, culprit) for pending, culprit in zip(batch, culprits, strict=True) if culprit is not None]


async def _stale_guard(reads: LeaderReads, write: Write) -> RefusedError | None:
    guards = guarded(write)
    found = await asyncio.gather(*(reads.last(write.partition, message.subject) for _, message, _ in guards))
    for (_, message, expected), stored in zip(guards, found, strict=True):
        last = stored.sequence if stored is not None else 0
        if last != expected:
            return RefusedError(message.subject, last)
    return None
