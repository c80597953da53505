"""The loop of one partition: own it, pull, decode, apply, commit; a task of ``Projector`` for as long as it runs."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import nats.errors
import structlog
from nats.aio.client import Client

from rollbook_contracts import streams, subjects
from rollbook_projector.apart.rows import rejoin, tenants_apart
from rollbook_projector.apart.run import Run, apply_run
from rollbook_projector.apart.worker import ApartWorker
from rollbook_projector.applying import Applying, Tables
from rollbook_projector.batch import Place
from rollbook_projector.checkpoint import (
    Checkpoint,
    OvertakenError,
    note_interruption,
    read_checkpoint,
    set_halted,
    set_owner,
)
from rollbook_projector.halts import Halt
from rollbook_projector.integrity import check_contiguous, check_log, decisions_after
from rollbook_projector.log import TIMEOUT, LogUnavailableError, StreamInfo, StreamLog
from rollbook_projector.outbox.relay import Relay
from rollbook_projector.ownership import try_own
from rollbook_projector.parking import ParkedFact
from rollbook_projector.patience import Backoff, end, pause
from rollbook_projector.pull import Pull, PullBrokenError, pulling
from rollbook_projector.recorded import LogMessage, is_claim
from rollbook_projector.session import Connection, is_database_trouble, session
from rollbook_projector.settings import ProjectorSettings
from rollbook_projector.weight import TooHeavyError
from rollbook_projector.writes import whole_writes

State: TypeAlias = Literal["starting", "standby", "applying", "halted", "retrying"]

_PING: Final = "SELECT 1"
_SOON: Final = 0.1
"""Seconds after which it is looked again whether a tenant's changes are published."""
WAITS: Final = "waits for the log"
"""How ``Health.why`` begins while the log cannot be reached; the partition is nobody's or another's then."""


@dataclass(slots=True)
class Health:
    """What a partition's loop does, for readiness and for people."""

    partition: int
    state: State = "starting"
    applied: int = 0
    why: str = ""


class Partition:
    """Applies one partition, whenever this process owns it."""

    def __init__(self, partition: int, client: Client, dsn: str, settings: ProjectorSettings) -> None:
        self.health = Health(partition)
        self._partition = partition
        self._client = client
        self._dsn = dsn
        self._settings = settings
        self._log = StreamLog(client, streams.provisioning(partition))
        self._relay = Relay(partition, client, dsn, settings)
        self._stopping = asyncio.Event()
        self._pull: Pull | None = None
        self._apart: ApartWorker | None = None
        self._size = settings.batch
        self._interrupted = ""
        """By what the last session ended; empty where it is told already."""
        self._backoff = Backoff()
        self._logger = structlog.get_logger().bind(partition=partition)

    def stop(self) -> None:
        """Let ``run`` end after the batch in hand."""
        self._stopping.set()
        self._relay.wake()
        if self._pull is not None:
            self._pull.wake()

    async def run(self) -> None:
        """Apply facts until ``stop``; after any trouble everything in memory is dropped and read again."""
        name = f"rollbook-projector {self._settings.owner}"
        while not self._stopping.is_set():
            try:
                # Who cannot reach the log leaves the partition to those who can.
                await self._info()
                async with session(self._dsn, name=name, lease=self._settings.lease) as connection:
                    await self._until_owned(connection)
                    await self._while_owned(connection)
            except OvertakenError as error:
                self._trouble("overtaken", error)
            except LogUnavailableError as error:
                self._trouble(WAITS, error)
                await pause(self._stopping, self._backoff.next())
            except Exception as error:
                self._trouble("interrupted", error)
                self._interrupted = self.health.why
                self._size = max(1, self._size // 2)
                if not is_database_trouble(error):
                    self._logger.exception("the loop failed")
                await pause(self._stopping, self._backoff.next())

    async def _until_owned(self, connection: Connection) -> None:
        while not self._stopping.is_set() and not await try_own(connection, self._partition):
            self.health.state = "standby"
            await pause(self._stopping, self._settings.takeover_poll)

    async def _while_owned(self, connection: Connection) -> None:
        relay = asyncio.create_task(self._relay.run(self._stopping))
        try:
            while not self._stopping.is_set():
                try:
                    await self._read_and_apply(connection)
                except Halt as halt:
                    await self._halted(connection, halt)
            await set_owner(connection, self._partition, None)
        finally:
            await end(relay)

    async def _read_and_apply(self, connection: Connection) -> None:
        """Begin behind the checkpoint and go on until something is wrong."""
        checkpoint = await self._begin(connection)
        place = Place(
            self._partition,
            checkpoint.silent_until,
            self._settings.code_version,
            await decisions_after(self._log, checkpoint),
        )
        applying = Applying(Tables(), place, self._log, self._parked)
        apart = self._apart = ApartWorker(
            self._partition,
            self._client,
            self._dsn,
            self._settings,
            on_applied=self._applied_apart,
            on_parked=self._parked,
        )
        apart.checkpoint = checkpoint.seq
        apart.passed_over(await tenants_apart(connection, self._partition))
        working = asyncio.create_task(apart.run(self._stopping))
        try:
            async with pulling(
                self._client, self._log.stream, after=checkpoint.seq, settings=self._settings.pull
            ) as self._pull:
                await self._follow(connection, applying, checkpoint, self._pull, apart)
        finally:
            await end(working)

    async def _follow(
        self, connection: Connection, applying: Applying, checkpoint: Checkpoint, pull: Pull, apart: ApartWorker
    ) -> None:
        received: list[LogMessage] = []
        waits_since: float | None = None
        while not self._stopping.is_set():
            await self._take_back(connection, apart)
            patience = _SOON if apart.caught_up else self._settings.lease / 4
            taken = await pull.take(self._size, patience=patience)
            received += taken
            messages = received[: whole_writes(received)]
            if not messages:
                await connection.execute(_PING)
                if not taken:
                    waits_since = await self._check_silence(checkpoint, waits_since)
                continue
            waits_since = None
            received = received[len(messages) :]
            if self._settings.apply_delay:
                await asyncio.sleep(self._settings.apply_delay)
            check_contiguous(checkpoint, messages)
            began = asyncio.get_running_loop().time()
            checkpoint = await self._apply(connection, applying, checkpoint, messages)
            if len(taken) < self._size:
                await asyncio.sleep(began + self._settings.pace - asyncio.get_running_loop().time())
            self._size = min(2 * self._size, self._settings.batch)

    async def _apply(
        self, connection: Connection, applying: Applying, checkpoint: Checkpoint, messages: Sequence[LogMessage]
    ) -> Checkpoint:
        """Apply whole writes, leaving those of tenants over that weigh too much for the others to wait."""
        assert self._apart is not None, "a loop that applies has it"
        apart = set(self._apart.tenants)
        while messages:
            run = await Run.of(checkpoint, messages, apart, self._log)
            try:
                reached, heavy = await apply_run(connection, applying, run, self._settings.most)
            except TooHeavyError as error:
                apart.add(error.tenant)
                continue
            if heavy:
                apart.add(heavy)
            done = [message for message in messages if message.sequence <= reached.seq]
            messages = messages[len(done) :]
            checkpoint = reached
            self._apart.checkpoint = checkpoint.seq
            self._apart.passed_over(run.left_behind(checkpoint))
            await self._applied(checkpoint, done)
        return checkpoint

    async def _take_back(self, connection: Connection, apart: ApartWorker) -> None:
        """Let tenants be applied with the others that have caught up, and whose changes are published."""
        if apart.halt is not None:
            raise apart.halt
        for behind in apart.caught_up:
            if await rejoin(connection, behind):
                apart.rejoined(behind.tenant)

    async def _check_silence(self, checkpoint: Checkpoint, waits_since: float | None) -> float | None:
        """Ask whether the log is silent, or only the consumer; return since when there is more than it delivers.

        The consumer lives on one server and sends heartbeats also while that server is cut off from the others. Raises
        ``LogUnavailableError``, which ends the ownership, where the log does not answer or the consumer keeps silent.
        """
        info = await self._info()
        if info is None or info.last <= checkpoint.seq:
            return None
        now = asyncio.get_running_loop().time()
        if waits_since is not None and now - waits_since >= self._settings.lease / 4:
            raise PullBrokenError(f"{self._log.stream} ends at {info.last}, and nothing comes behind {checkpoint.seq}")
        return now if waits_since is None else waits_since

    async def _info(self) -> StreamInfo | None:
        """Ask the log, not for so long that the session is lost to the lease meanwhile."""
        return await self._log.info(timeout=min(TIMEOUT, self._settings.lease / 2))

    async def _begin(self, connection: Connection) -> Checkpoint:
        info = await self._info()
        if info is None:
            raise LogUnavailableError(f"there is no stream {self._log.stream}")
        checkpoint = await read_checkpoint(connection, self._partition, info.created)
        if self._interrupted:
            await note_interruption(connection, self._partition, self._interrupted)
            self._interrupted = ""
        await set_owner(connection, self._partition, self._settings.owner)
        await check_log(self._log, checkpoint)
        await set_halted(connection, self._partition, None)
        self.health.state, self.health.applied, self.health.why = "applying", checkpoint.seq, ""
        self._relay.wake()
        return checkpoint

    async def _applied(self, checkpoint: Checkpoint, batch: Sequence[LogMessage]) -> None:
        self._backoff.reset()
        self.health.applied = checkpoint.seq
        self._relay.wake()
        if self._logger.is_enabled_for(logging.DEBUG):
            for message in batch:
                if not is_claim(message):
                    headers = message.headers
                    self._logger.debug(
                        "fact processed",
                        seq=message.sequence,
                        type=headers.get("ce-type"),
                        resource=headers.get("ce-subject"),
                        request_id=headers.get("ce-requestid"),
                    )
        self._logger.debug("applied", seq=checkpoint.seq, messages=len(batch))
        await self._notify()

    async def _applied_apart(self) -> None:
        self._relay.wake()
        if self._pull is not None:
            self._pull.wake()
        await self._notify()

    async def _notify(self) -> None:
        # Nobody's proof, only a wake-up: who misses it looks again soon.
        with contextlib.suppress(nats.errors.Error, OSError):
            await self._client.publish(subjects.checkpoint_notice(self._partition), str(self.health.applied).encode())

    def _parked(self, fact: ParkedFact) -> None:
        # The reason may quote a person's values: it stands in the table.
        self._logger.warning("fact parked", seq=fact.seq, tenant=fact.tenant, resource=fact.resource, type=fact.type)

    async def _halted(self, connection: Connection, halt: Halt) -> None:
        self.health.state, self.health.why = "halted", str(halt)
        self._logger.critical("halted", code=halt.code, reason=halt.detail, seq=self.health.applied)
        await set_halted(connection, self._partition, str(halt))
        await self._idle(connection, self._settings.recheck)

    async def _idle(self, connection: Connection, seconds: float) -> None:
        """Wait without losing the session to the lease."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while not self._stopping.is_set() and (left := until - loop.time()) > 0:
            await pause(self._stopping, min(left, self._settings.lease / 4))
            await connection.execute(_PING)

    def _trouble(self, what: str, error: Exception) -> None:
        self.health.state, self.health.why = "retrying", f"{what}: {error or type(error).__name__}"
        self._logger.warning(what, reason=str(error) or type(error).__name__, seq=self.health.applied)
