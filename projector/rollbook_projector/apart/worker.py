"""Applies the tenants of a partition that are applied apart, a turn for each; a task beside the partition's loop.

It has a session of its own, and its transactions touch rows of one tenant alone: nobody else waits for them, however
long they take. The loop says what it passed over, and takes tenants back when they have caught up.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Final

import structlog
from nats.aio.client import Client

from rollbook_contracts import streams, subjects
from rollbook_contracts.facts.system import EpochStarted
from rollbook_projector.apart.rows import ApartMark, Behind, note_interruption
from rollbook_projector.apart.run import concerned, corrected
from rollbook_projector.applying import Applying, Tables
from rollbook_projector.batch import Place
from rollbook_projector.checkpoint import Checkpoint
from rollbook_projector.halts import Halt
from rollbook_projector.integrity import decisions_after
from rollbook_projector.log import LogUnavailableError, StreamLog
from rollbook_projector.outbox.rows import OutboxTable
from rollbook_projector.parking import ParkedFact
from rollbook_projector.patience import Backoff, pause
from rollbook_projector.pull import pulling
from rollbook_projector.recorded import LogMessage, read
from rollbook_projector.session import Connection, is_database_trouble, session
from rollbook_projector.settings import ProjectorSettings
from rollbook_projector.transaction import apply_part, whatever_it_weighs
from rollbook_projector.writes import tenant_of, whole_writes

_TURN: Final = 1.0
"""Seconds after which another tenant has its turn."""
_PING: Final = "SELECT 1"


class ApartWorker:
    """The tenants of one partition that are applied apart, and the task that applies them."""

    def __init__(  # what the loop works with
        self,
        partition: int,
        client: Client,
        dsn: str,
        settings: ProjectorSettings,
        *,
        on_applied: Callable[[], Awaitable[None]],
        on_parked: Callable[[ParkedFact], None],
    ) -> None:
        self._partition = partition
        self._client = client
        self._dsn = dsn
        self._settings = settings
        self._log = StreamLog(client, streams.provisioning(partition))
        self._on_applied = on_applied
        self._on_parked = on_parked
        self._tenants: dict[str, Behind] = {}
        self._turns: deque[str] = deque()
        self._moved = asyncio.Event()
        self._size = settings.batch
        self.checkpoint = 0
        """How far the partition is: nobody is applied beyond that."""
        self.halt: Halt | None = None
        """Why nothing can be applied any more: the loop halts the partition."""
        self._logger = structlog.get_logger().bind(partition=partition)

    @property
    def tenants(self) -> frozenset[str]:
        """Those who are applied apart."""
        return frozenset(self._tenants)

    @property
    def caught_up(self) -> list[Behind]:
        """Those of whom nothing waits to be applied."""
        return [behind for behind in self._tenants.values() if not behind.waits]

    def passed_over(self, behind: Iterable[Behind]) -> None:
        """Take in that facts of tenants are left to be applied apart."""
        for one in behind:
            known = self._tenants.setdefault(one.tenant, one)
            known.until = max(known.until, one.until)
            if one.tenant not in self._turns:
                self._turns.append(one.tenant)
        self._moved.set()

    def rejoined(self, tenant: str) -> None:
        """Take in that a tenant is applied with its partition again."""
        del self._tenants[tenant]
        self._turns.remove(tenant)

    async def run(self, stopping: asyncio.Event) -> None:
        """Apply until the task is cancelled; troubles are waited out. A ``Halt`` is left to the loop."""
        backoff = Backoff()
        while not stopping.is_set() and self.halt is None:
            if not any(behind.waits for behind in self._tenants.values()):
                self._moved.clear()
                await self._moved.wait()
                continue
            try:
                name = f"rollbook-apart {self._settings.owner}"
                async with session(self._dsn, name=name, lease=self._settings.lease) as connection:
                    await self._work(connection, stopping, backoff)
            except Halt as halt:
                self.halt = halt
                await self._on_applied()
            except LogUnavailableError as error:
                self._logger.warning("waits for the log", reason=str(error))
                await pause(stopping, backoff.next())
            except Exception as error:
                reason = str(error) or type(error).__name__
                self._logger.warning("interrupted apart", reason=reason)
                if not is_database_trouble(error):
                    self._logger.exception("the work apart failed")
                self._size = max(1, self._size // 2)
                await self._note_interruption(reason)
                await pause(stopping, backoff.next())

    async def _work(self, connection: Connection, stopping: asyncio.Event, backoff: Backoff) -> None:
        while not stopping.is_set() and (behind := self._next()) is not None:
            await self._turn(connection, behind, stopping, backoff)

    def _next(self) -> Behind | None:
        for _ in range(len(self._turns)):
            self._turns.rotate(-1)
            behind = self._tenants[self._turns[-1]]
            if behind.waits:
                return behind
        return None

    async def _turn(self, connection: Connection, behind: Behind, stopping: asyncio.Event, backoff: Backoff) -> None:
        """Apply what waits of one tenant, for as long as a turn lasts where others wait."""
        applying = await self._applying(behind)
        clock = asyncio.get_running_loop().time
        ends = clock() + _TURN
        wanted = (subjects.facts_of_tenant(self._partition, behind.tenant), subjects.system(self._partition))
        received: list[LogMessage] = []
        async with pulling(
            self._client, self._log.stream, after=behind.seq, subject=wanted, settings=self._settings.pull
        ) as pull:
            while behind.waits and not stopping.is_set():
                if len(received) < self._size or received[-1].sequence <= self.checkpoint:
                    received += await pull.take(self._size, patience=self._settings.lease / 4)
                else:
                    await pause(stopping, self._settings.pace)
                await connection.execute(_PING)
                until = min(behind.until, self.checkpoint)
                ready = [message for message in received if message.sequence <= until]
                # Of the last one it is known that its write ends there, whatever else the batch held.
                whole = bool(ready) and ready[-1].sequence == behind.until
                run = ready if whole else ready[: whole_writes(ready)]
                received = received[len(run) :]
                await self._apply(connection, applying, behind, run)
                backoff.reset()
                if clock() > ends and sum(one.waits for one in self._tenants.values()) > 1:
                    return

    async def _apply(
        self, connection: Connection, applying: Applying, behind: Behind, messages: list[LogMessage]
    ) -> None:
        own = [message for message in messages if await self._concerns(behind.tenant, message)]
        while own:
            mark = ApartMark(behind)
            part = await whatever_it_weighs(own, partial(apply_part, connection, applying, mark))
            mark.keep()
            own = own[part.messages :]
            self._size = min(2 * self._size, self._settings.batch)
            await self._on_applied()

    async def _concerns(self, tenant: str, message: LogMessage) -> bool:
        if message.subject != subjects.system(self._partition):
            return tenant_of(message) == tenant
        if isinstance(read(message).fact, EpochStarted) or tenant in corrected(message):
            return True
        return await concerned(message, self._log) == tenant

    async def _applying(self, behind: Behind) -> Applying:
        at = Checkpoint(self._partition, behind.epoch, "", behind.seq, "", behind.silent_until)
        decided = await decisions_after(self._log, at)
        place = Place(self._partition, behind.silent_until, self._settings.code_version, decided, alone=behind.tenant)
        return Applying(Tables(outbox=OutboxTable(apart=behind.tenant)), place, self._log, self._on_parked)

    async def _note_interruption(self, why: str) -> None:
        """Say in the tables that the tenant whose turn it was did not get on; it must not be what fails next."""
        behind = self._tenants.get(self._turns[-1])
        if behind is None:
            return
        try:
            async with session(self._dsn, name=f"rollbook-apart {self._settings.owner}") as connection:
                await note_interruption(connection, behind, why)
        except Exception as error:
            if not is_database_trouble(error):
                raise
