"""What became of writes in a batch that was refused or not answered, read from the leader; asked by the lane."""

import asyncio
from collections.abc import Sequence
from typing import TypeAlias

from rollbook_gateway.log.coalescer import Pending
from rollbook_gateway.log.guards import guarded, guarded_beside, guards, is_ours
from rollbook_gateway.log.port import RefusedError, Write
from rollbook_gateway.log.reads import LeaderReads

Verdict: TypeAlias = int | RefusedError
"""The sequence of the write's last message, or the refusal that its caller gets."""


async def settle(reads: LeaderReads, write: Write) -> Verdict | None:
    """Find out what became of a write of which a copy may be stored; ``None`` where nothing can be said yet.

    The first message beyond a guard decides for the whole write: it is ours, or it is another's and no copy of ours can
    ever be stored. No message there proves nothing: a copy may still be on its way. What is guarded beside the write is
    read before: where it moved, a copy that is stored was stored by then and is found.
    """
    moved = await _moved(reads, write, beside=True)
    for position, message, expected in guarded(write):
        found = await reads.after(write.partition, message.subject, expected)
        if found is None:
            continue
        if is_ours(message, found):
            return found.sequence + len(write.messages) - 1 - position
        last = await reads.last(write.partition, message.subject)
        return RefusedError(message.subject, (last or found).sequence)
    return moved


async def judge(
    reads: LeaderReads, batch: Sequence[Pending], last: int | None, *, believed: bool = True
) -> list[tuple[Pending, Verdict]]:
    """Say which writes of a refused batch are to blame, or are stored already; ``last`` is what the refusal named.

    None of them where the refusal was another's write on its way, which only a cluster tells of. Nor is a cluster's
    refusal ``believed``: for a moment two servers may both hold themselves for the leader, and one refuses what the
    other stores.
    """
    in_doubt = [pending for pending in batch if pending.uncertain or not believed]
    if in_doubt:
        verdicts = await asyncio.gather(*(settle(reads, pending.write) for pending in in_doubt))
        settled = [
            (pending, verdict) for pending, verdict in zip(in_doubt, verdicts, strict=True) if verdict is not None
        ]
        if settled:
            return settled
    certain = [pending for pending in batch if not pending.uncertain]
    # A second refusal in a row means several culprits: all guards are read at once rather than one culprit a round.
    if believed and last is not None and not any(pending.refused_before for pending in certain):
        named = await _named_by(reads, certain, last)
        if named:
            return named
    # Beyond a guard that is not believed may stand, since a moment ago, the write itself.
    return [
        (pending, culprit)
        for pending, culprit in await _stale_guards(reads, certain)
        if believed or _lies_before_a_guard(pending.write, culprit)
    ]


async def _named_by(reads: LeaderReads, batch: Sequence[Pending], last: int) -> list[tuple[Pending, Verdict]]:
    every = [(pending, *guard) for pending in batch for guard in guards(pending.write)]
    if len(every) == 1:
        pending, subject, _ = every[0]
        return [(pending, RefusedError(subject, last))]
    found = await reads.at(batch[0].write.partition, last) if last and batch else None
    # Several may guard one subject beside them, and only some of them know where it ends.
    return [
        (pending, RefusedError(subject, last))
        for pending, subject, expected in every
        if found is not None and subject == found.subject and expected != last
    ]


async def _stale_guards(reads: LeaderReads, batch: Sequence[Pending]) -> list[tuple[Pending, RefusedError]]:
    culprits = await asyncio.gather(*(_moved(reads, pending.write) for pending in batch))
    return [(pending, culprit) for pending, culprit in zip(batch, culprits, strict=True) if culprit is not None]


async def _moved(reads: LeaderReads, write: Write, *, beside: bool = False) -> RefusedError | None:
    """Return a refusal that names a guard which does not hold; with ``beside`` those beside the write alone count."""
    wanted = guards(write)
    if beside:
        subjects = guarded_beside(write)
        wanted = [guard for guard in wanted if guard[0] in subjects]
    found = await asyncio.gather(*(reads.last(write.partition, subject) for subject, _ in wanted))
    for (subject, expected), stored in zip(wanted, found, strict=True):
        last = stored.sequence if stored is not None else 0
        if last != expected:
            return RefusedError(subject, last)
    return None


def _lies_before_a_guard(write: Write, culprit: RefusedError) -> bool:
    return any(subject == culprit.subject and expected > culprit.last for subject, expected in guards(write))
