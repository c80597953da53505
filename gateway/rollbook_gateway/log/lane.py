"""The way of writes into one partition: one batch at a time, what arrives meanwhile goes together into the next.

Used by the JetStream log, one lane for each partition. A batch costs the server some 2.5 ms whatever it holds, so that
many writes in one batch are stored at the price of one (group commit). A few writes of one message each need no batch:
they are published as they come, side by side.

What may go on while the outcome of an attempt is unknown: its writes go back to the head of the queue, marked
uncertain, and are sent again with the same guards under a new batch id, together with whatever else waits. That is safe
since every write holds a guard: at most one of its copies can be stored, in whatever order they arrive. Writes on the
same subjects wait behind them. When a refusal meets an uncertain write, the log is read before anything is concluded.
At its deadline an uncertain write is abandoned: its caller gets ``UnavailableError`` and nothing more is sent. A copy
still on its way is stored later, or meets a guard that no longer holds; later writes on its subjects are guarded too.
"""

import asyncio
import itertools
import secrets
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

import structlog

from rollbook_gateway.log import frames
from rollbook_gateway.log.answers import Acked, Again, Failed, Outcome, Refused, Unknown, interpret
from rollbook_gateway.log.coalescer import Limits, Pending, go_singly, overtaken, take
from rollbook_gateway.log.guards import guarded_beside, last_per_subject
from rollbook_gateway.log.port import LogError, RefusedError, TooLargeError, UnavailableError, Write
from rollbook_gateway.log.read_back import Verdict, judge
from rollbook_gateway.log.reads import LeaderReads
from rollbook_gateway.log.wire import NotSentError, UnansweredError, UnservedError, Wire

_NO_LIMIT: Final = 1_000_000
_PAUSE: Final = 0.02
_log = structlog.get_logger(__name__)


class Lane:
    """The queue of one partition and the task that empties it, which lives only while there is something to do."""

    def __init__(self, wire: Wire, reads: LeaderReads, limits: Limits, *, replicated: bool = False) -> None:
        self._wire = wire
        self._reads = reads
        self._limits = limits
        self._replicated = replicated
        self._waiting: list[Pending] = []
        self._at_most = _NO_LIMIT
        self._alone: dict[asyncio.Task[None], Pending] = {}
        """The writes that are published singly just now."""
        self._moved = asyncio.Event()
        """Set when a write arrives or a single one is through."""
        self._task: asyncio.Task[None] | None = None
        self._batch_prefix = secrets.token_urlsafe(9)
        self._batches = itertools.count(1)
        self._loop = asyncio.get_running_loop()

    async def append(self, write: Write, deadline: float) -> int:
        """Queue a write and wait for its outcome; who is cancelled stops waiting, the write goes on."""
        encoded = [frames.encode(message) for message in write.messages]
        sizes = [frames.size_of(message) for message in encoded]
        if (largest := max(sizes)) > self._wire.max_payload:
            raise TooLargeError(write.messages[sizes.index(largest)].subject, largest, self._wire.max_payload)
        pending = Pending(
            write=write,
            encoded=encoded,
            subjects=frozenset([message.subject for message in write.messages]),
            beside=guarded_beside(write),
            size=sum(sizes),
            deadline=deadline,
            answer=self._loop.create_future(),
        )
        alarm = self._loop.call_at(deadline, _abandon, pending)
        pending.answer.add_done_callback(lambda _: alarm.cancel())
        self._waiting.append(pending)
        self._moved.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await pending.answer

    async def drain(self) -> None:
        """Wait until every write is answered; none of them waits beyond its deadline."""
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            while self._waiting or self._alone:
                self._moved.clear()
                batch, rest = take(
                    self._waiting,
                    self._limits,
                    now=self._loop.time(),
                    at_most=self._at_most,
                    under_way=self._alone.values(),
                )
                if go_singly(batch, beside=len(self._alone)):
                    self._waiting = rest
                    self._publish_singly(batch)
                elif self._alone:
                    await self._moved.wait()
                elif batch:
                    self._waiting = rest
                    await self._together(batch)
                else:
                    self._waiting = rest
                    await asyncio.sleep(_PAUSE)
        finally:
            self._task = None

    def _publish_singly(self, batch: Sequence[Pending]) -> None:
        for pending in batch:
            task = asyncio.create_task(self._attempt([pending]))
            self._alone[task] = pending
            task.add_done_callback(self._through)

    def _through(self, task: "asyncio.Task[None]") -> None:
        del self._alone[task]
        self._moved.set()

    async def _together(self, batch: list[Pending]) -> None:
        callers = len(batch) + len(self._waiting)
        await self._attempt(batch)
        if 1 < callers > len(self._waiting):
            await asyncio.sleep(self._limits.linger)

    async def _attempt(self, batch: list[Pending]) -> None:
        try:
            outcome = await self._send(batch)
            match outcome:
                case Acked(sequence):
                    self._stored(batch, sequence)
                case Refused(last):
                    await self._refused(batch, last)
                case Again(reason, pause):
                    self._again(batch, reason, pause)
                case Unknown(reason):
                    self._in_doubt(batch, reason)
                case Failed(reason):
                    for pending in batch:
                        _answer(pending, UnavailableError(f"the log does not take the write: {reason}"))
        except Exception as error:  # noqa: BLE001  # the lane outlives mistakes: writes are in doubt until their deadline
            _log.exception("log.lane_failed")
            self._in_doubt(batch, f"an internal error: {type(error).__name__}", _PAUSE)

    async def _send(self, batch: Sequence[Pending]) -> Outcome:
        encoded = [message for pending in batch for message in pending.encoded]
        ahead: Iterable[bytes] = ()
        if len(encoded) == 1:
            framed = partial(frames.single, encoded[0])
        else:
            batch_id = f"{self._batch_prefix}{next(self._batches)}".encode()
            ahead, framed = frames.uncommitted(encoded, batch_id), partial(frames.commit, encoded, batch_id)
        remaining = max(pending.deadline for pending in batch) - self._loop.time()
        try:
            return interpret(await self._wire.ask(framed, min(self._limits.attempt, max(remaining, 0.01)), ahead))
        except (NotSentError, UnservedError) as error:
            return Again(str(error), _PAUSE)
        except UnansweredError as error:
            return Unknown(str(error))

    def _stored(self, batch: Sequence[Pending], sequence: int) -> None:
        self._at_most = _NO_LIMIT
        sequence -= sum(len(pending.encoded) for pending in batch)
        reached: dict[str, int] = {}
        for pending in batch:
            sequence += len(pending.encoded)
            reached |= last_per_subject(pending.write, sequence)
            _answer(pending, sequence)
        self._refuse_overtaken(reached)

    async def _refused(self, batch: list[Pending], last: int | None) -> None:
        try:
            verdicts = await judge(self._reads, batch, last, believed=not self._replicated)
        except LogError as error:
            self._again(batch, str(error), _PAUSE)
            return
        for pending in batch:
            pending.refused_before = True
        if not verdicts:
            # Perhaps another process is writing there. If it stays like this, smaller batches find out who it is.
            self._at_most = max(1, len(batch) // 2)
            self._again(batch, "the log refuses the write and shows no reason", _PAUSE)
            return
        reached: dict[str, int] = {}
        for pending, verdict in verdicts:
            reached |= _reached(pending, verdict)
            _answer(pending, verdict)
        judged = {id(pending) for pending, _ in verdicts}
        self._waiting[:0] = [pending for pending in batch if id(pending) not in judged]
        self._refuse_overtaken(reached)

    def _again(self, batch: Sequence[Pending], reason: str, pause: float) -> None:
        not_before = self._loop.time() + pause
        for pending in batch:
            pending.trouble = reason
            pending.not_before = not_before
        self._waiting[:0] = batch

    def _in_doubt(self, batch: Sequence[Pending], reason: str, pause: float = 0.0) -> None:
        for pending in batch:
            pending.uncertain = True
        self._again(batch, reason, pause)

    def _refuse_overtaken(self, reached: dict[str, int]) -> None:
        refused = overtaken(self._waiting, reached)
        for pending, subject, last in refused:
            _answer(pending, RefusedError(subject, last))
        if refused:
            gone = {id(pending) for pending, _, _ in refused}
            self._waiting = [pending for pending in self._waiting if id(pending) not in gone]


def _reached(pending: Pending, verdict: Verdict) -> dict[str, int]:
    if isinstance(verdict, RefusedError):
        return {verdict.subject: verdict.last}
    return last_per_subject(pending.write, verdict)


def _answer(pending: Pending, verdict: int | LogError) -> None:
    if pending.answer.done():  # the caller was cancelled, or was told at the deadline
        return
    if isinstance(verdict, LogError):
        pending.answer.set_exception(verdict)
    else:
        pending.answer.set_result(verdict)


def _abandon(pending: Pending) -> None:
    _answer(pending, UnavailableError(f"the write was not confirmed in time: {pending.trouble}"))
