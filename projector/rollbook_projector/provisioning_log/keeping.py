"""The task that keeps the provisioning log: beside the partitions of a projector process, as long as it runs."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import nats.errors
import structlog

from rollbook_contracts.requests.codec import RequestsAnswered
from rollbook_projector.patience import Backoff, pause
from rollbook_projector.provisioning_log.rows import prune, store
from rollbook_projector.session import is_database_trouble, session

CHECK_SECONDS: Final = 10.0
"""How often the consumer is looked for."""
PRUNE_SECONDS: Final = 3600.0

logger = structlog.get_logger(__name__)


class ConsumerGoneError(Exception):
    """The consumer, or its stream, was deleted underneath: FastStream would wait for ever."""


class ProvisioningLog:
    """Stores entries until ``stop`` is set, and deletes those that are older than ``keep``."""

    def __init__(self, nats_url: str, dsn: str, *, keep: timedelta, check: float = CHECK_SECONDS) -> None:
        self._nats_url = nats_url
        self._dsn = dsn
        self._keep = keep
        self._check = check
        self._backoff = Backoff()
        self._prune_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Do so, whatever servers come and go: nothing here may end a projector."""
        while not stop.is_set():
            try:
                await self._until_trouble(stop)
            except Exception as error:
                logger.info("provisioning_log.interrupted", reason=str(error) or type(error).__name__)
                if not (is_database_trouble(error) or isinstance(error, ConsumerGoneError | nats.errors.Error)):
                    logger.exception("provisioning_log.failed")
                await pause(stop, self._backoff.next())

    async def _until_trouble(self, stop: asyncio.Event) -> None:
        # FastStream takes a quarter of a second to import, which commands that run no projector need not spend.
        from rollbook_projector.provisioning_log.consuming import consuming  # noqa: PLC0415

        trouble = asyncio.get_running_loop().create_future()
        async with session(self._dsn, name="rollbook provisioning log") as connection:
            # Nobody was promised an entry: a flush each would cost the partitions, which share the disk.
            await connection.execute("SET synchronous_commit TO off")

            async def take(page: RequestsAnswered, sent: datetime) -> None:
                await store(connection, page, sent)
                self._backoff.reset()

            def failed(error: Exception) -> None:
                if not trouble.done():
                    trouble.set_exception(error)
                    trouble.exception()  # asked for, so that asyncio does not complain where nobody comes to ask

            async with consuming(self._nats_url, take, failed) as consumer:
                while not stop.is_set():
                    await self._prune_when_due()
                    await consumer.check()
                    await self._stopped_or(trouble, stop)

    async def _stopped_or(self, trouble: "asyncio.Future[None]", stop: asyncio.Event) -> None:
        """Wait until it is time to look again, or no longer; raise the trouble."""
        stopping = asyncio.ensure_future(stop.wait())
        awaited: list[asyncio.Future[Any]] = [trouble, stopping]
        try:
            async with asyncio.timeout(self._check):
                await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            return
        finally:
            stopping.cancel()
        if trouble.done():
            trouble.result()

    async def _prune_when_due(self) -> None:
        clock = asyncio.get_running_loop().time()
        if clock < self._prune_at:
            return
        async with session(self._dsn, name="rollbook provisioning log") as connection:
            pruned = await prune(connection, now=datetime.now(UTC), keep=self._keep)
        self._prune_at = clock + PRUNE_SECONDS
        if pruned:
            logger.info("provisioning_log.pruned", entries=pruned)
