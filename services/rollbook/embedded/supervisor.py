"""Keeps the children of one installation running; `rollbook up` hands it what to start and when to stop.

    async def begin(supervisor: Supervisor) -> None:
        await supervisor.start(nats_server, postgres)    # side by side; both are ready afterwards
        await migrate(postgres.url)
        await supervisor.start(projector, gateway)

    await supervise(begin, stop)                         # until `stop` is set; stops in the reverse order

A child that ends is started again with growing pauses. One that ends again and again, or that cannot be started the
first time, stops everything: `supervise` raises the EmbeddedError that says why, after all children are gone.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import structlog

from rollbook.embedded.child import Child
from rollbook.embedded.errors import EmbeddedError, GaveUpError

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How a child is restarted: after which pauses, and after how many failures in a row no more."""

    first: float = 0.1
    longest: float = 5.0
    limit: int = 8
    settled: float = 1.0
    """Seconds after which a child that became ready counts as well again."""

    def pause(self, failures: int) -> float:
        """Return the seconds to wait after that many failures in a row."""
        return min(self.longest, self.first * 2.0 ** (failures - 1))


class Supervisor:
    """Starts children in stages and restarts them; leaving its context stops them, the stage started last first."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._stages: list[tuple[Child, ...]] = []
        self._keepers: set[asyncio.Task[None]] = set()
        self._given_up: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def start(self, *children: Child) -> None:
        """Start children side by side and return when all are ready; raise EmbeddedError when one is not."""
        self._stages.append(children)
        starts = [asyncio.create_task(child.start()) for child in children]
        try:
            await asyncio.gather(*starts)
        finally:
            for start in starts:
                start.cancel()
            await asyncio.gather(*starts, return_exceptions=True)
        for child in children:
            _log.info("child.started", child=child.name, pid=child.pid)
            self.beside(self._keep(child))

    def beside(self, work: Coroutine[None, None, None]) -> None:
        """Have something go on beside the children until they are stopped; its error stops everything."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._note_failure)
        self._keepers.add(task)

    async def given_up(self) -> None:
        """Return never; raise the error when a child is given up."""
        await asyncio.shield(self._given_up)

    async def _keep(self, child: Child) -> None:
        clock = asyncio.get_running_loop().time
        failures = 0
        while True:
            ready_at = clock()
            cause = f"exit status {await child.wait()}"
            if clock() - ready_at > self._backoff.settled:
                failures = 0
            failures = await self._restart(child, failures + 1, cause)
            _log.info("child.restarted", child=child.name, pid=child.pid)

    async def _restart(self, child: Child, failures: int, cause: str) -> int:
        """Start a child until it is ready again, and return how often it failed by then."""
        while failures <= self._backoff.limit:
            _log.warning("child.ended", child=child.name, cause=cause, failures=failures)
            await asyncio.sleep(self._backoff.pause(failures))
            try:
                await child.start()
            except (EmbeddedError, OSError) as error:
                failures, cause = failures + 1, str(error)
            else:
                return failures
        raise GaveUpError(child.name, failures, cause)

    def _note_failure(self, keeper: asyncio.Task[None]) -> None:
        if not keeper.cancelled() and not self._given_up.done() and (error := keeper.exception()) is not None:
            self._given_up.set_exception(error)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._given_up.cancel()
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        try:
            for stage in reversed(self._stages):
                await asyncio.gather(*(child.stop() for child in stage))
        finally:  # asked a second time, in the middle of stopping: nobody is left behind
            for child in (child for stage in self._stages for child in stage):
                child.end()


async def supervise(
    begin: Callable[[Supervisor], Awaitable[None]], stop: asyncio.Event, *, backoff: Backoff | None = None
) -> None:
    """Begin, and keep what was started running until ``stop`` is set, also in the middle of beginning."""
    async with Supervisor(backoff or Backoff()) as supervisor:

        async def work() -> None:
            async with asyncio.TaskGroup() as group:
                trouble = group.create_task(supervisor.given_up())
                await begin(supervisor)
                await trouble

        working, stopped = asyncio.create_task(work()), asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            working.cancel()
            await asyncio.wait({working, stopped})
        with contextlib.suppress(asyncio.CancelledError):
            _raise_cause(working)


def _raise_cause(working: asyncio.Task[None]) -> None:
    """Raise what went wrong by itself, without the group that the tasks ran in."""
    try:
        working.result()
    except BaseExceptionGroup as group:
        causes = group.exceptions
        if len(causes) == 1:
            raise causes[0] from None
        raise
