"""A run of a partition's messages, and which of them are left to be applied apart; for the loop and for replays."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial

from rollbook_contracts.facts.system import EpochCorrected, ParkDiscarded, ParkRetried
from rollbook_projector.apart.rows import Behind, leave_over
from rollbook_projector.applying import Applying
from rollbook_projector.checkpoint import Checkpoint, advance
from rollbook_projector.recorded import FactSource, LogMessage, is_correction, is_park_decision, members_in, read
from rollbook_projector.session import Connection
from rollbook_projector.transaction import apply_part, first_part, whatever_it_weighs
from rollbook_projector.weight import MOST, TooHeavyError
from rollbook_projector.writes import place_of, tenant_of


async def concerned(message: LogMessage, log: FactSource) -> str:
    """Return the tenant in whose order a message stands: a decision is about the tenant of the fact that it names."""
    if not is_park_decision(message):
        return tenant_of(message)
    match read(message).fact:
        case ParkRetried() | ParkDiscarded() as decision:
            decided = await log.at(decision.sequence)
            return tenant_of(decided) if decided is not None else ""
    return ""


def corrected(message: LogMessage) -> set[str]:
    """Return the tenants that a message tells what is put right of, at the start of an epoch."""
    if not is_correction(message):
        return set()
    fact = read(message).fact
    return {one.tenant for one in fact.corrections} if isinstance(fact, EpochCorrected) else set()


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbours of the log behind a checkpoint, whole writes; ``passed`` tells whose are left over, by sequence."""

    checkpoint: Checkpoint
    messages: Sequence[LogMessage]
    own: Sequence[LogMessage]
    passed: Sequence[tuple[int, str]] = ()
    apart: frozenset[str] = frozenset()
    """The tenants that are applied apart: corrections are applied by both, each those that it is about."""

    @classmethod
    async def of(
        cls, checkpoint: Checkpoint, messages: Sequence[LogMessage], apart: Collection[str], log: FactSource
    ) -> "Run":
        """Part messages into those that are applied now and those of tenants that are applied apart."""
        if not apart:
            return cls(checkpoint, messages, messages)
        tenants = [(message, await concerned(message, log)) for message in messages]
        own = [message for message, tenant in tenants if tenant not in apart]
        passed = [
            (message.sequence, one)
            for message, tenant in tenants
            for one in sorted({tenant, *corrected(message)} & set(apart))
        ]
        return cls(checkpoint, messages, own, passed, frozenset(apart))

    def behind(self, checkpoint: Checkpoint) -> "Run":
        """Return what is left when the checkpoint is moved."""
        return Run(
            checkpoint,
            self.messages[place_of(self.messages, checkpoint.seq + 1) :],
            self.own[place_of(self.own, checkpoint.seq + 1) :],
            self.passed,
            self.apart,
        )

    def reached(self, last: LogMessage | None, epoch: int) -> Checkpoint:
        """Return the checkpoint when all of the run's own is applied up to a message: before the next one of them."""
        place = 0 if last is None else place_of(self.own, last.sequence) + 1
        end = self.own[place].sequence - 1 if place < len(self.own) else self.messages[-1].sequence
        at = self.messages[place_of(self.messages, end)]
        return self.checkpoint.at(at.sequence, at.headers.get("ce-id", ""), epoch)

    def left_behind(self, reached: Checkpoint) -> list[Behind]:
        """Return what is left to be applied apart when the checkpoint is moved, as it stands where that is new."""
        until = {tenant: sequence for sequence, tenant in self.passed if self.checkpoint.seq < sequence <= reached.seq}
        at = self.checkpoint
        return [Behind(at.partition, tenant, at.epoch, at.seq, last, at.silent_until) for tenant, last in until.items()]


class RunMark:
    """The checkpoint of a partition, moved over a run: its first statement keeps out whoever was overtaken."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.planned = self.reached = run.checkpoint

    @property
    def epoch(self) -> int:
        return self._run.checkpoint.epoch

    async def begin(self, connection: Connection, last: LogMessage | None, epoch: int) -> bool:
        self.planned = self._run.reached(last, epoch)
        return await advance(connection, self._run.checkpoint, self.planned)

    async def end(self, connection: Connection, last: LogMessage | None, epoch: int) -> None:
        self.reached = self._run.reached(last, epoch)
        if self.reached != self.planned:
            await advance(connection, self.planned, self.reached)
        await leave_over(connection, self._run.left_behind(self.reached))


async def apply_run(connection: Connection, applying: Applying, run: Run, most: int = MOST) -> tuple[Checkpoint, str]:
    """Apply the first part of a run; return where the checkpoint is then, and who weighs too much for the rest of it.

    Raises ``TooHeavyError`` where the first writes do so by themselves.
    """
    if not run.own:
        return await _passed_over(connection, run), ""
    mark = RunMark(run)
    end = first_part(run.own, most)
    heaviest, weight = _heaviest(run.own[:end])
    if weight > most:
        raise TooHeavyError(heaviest)
    part = await apply_part(connection, applying.without(run.apart), mark, run.own[:end], most)
    behind = run.own[end:]
    cut_by_weight = bool(behind) and not any(map(_stands_alone, (behind[0], run.own[end - 1])))
    return mark.reached, part.heavy or (heaviest if cut_by_weight else "")


async def apply_whole(connection: Connection, applying: Applying, run: Run) -> Checkpoint:
    """Apply all of a run that is its own, whatever it weighs; return where the checkpoint is then."""
    while run.own:
        mark = RunMark(run)
        await whatever_it_weighs(run.own, partial(apply_part, connection, applying.without(run.apart), mark))
        run = run.behind(mark.reached)
    return await _passed_over(connection, run) if run.messages else run.checkpoint


async def _passed_over(connection: Connection, run: Run) -> Checkpoint:
    mark = RunMark(run)
    async with connection.transaction():
        await mark.begin(connection, None, mark.epoch)
        await mark.end(connection, None, mark.epoch)
    return mark.reached


def _stands_alone(message: LogMessage) -> bool:
    return is_park_decision(message) or is_correction(message)


def _heaviest(messages: Sequence[LogMessage]) -> tuple[str, int]:
    """Return the tenant that names most members in messages, and how many it names."""
    named: Counter[str] = Counter()
    for message in messages:
        if values := members_in(message):
            named[tenant_of(message)] += values
    ((tenant, values),) = named.most_common(1) or [("", 0)]
    return tenant, values
