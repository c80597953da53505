"""All partitions of the log in one process; built and run by the composition roots of `rollbook up` and `projector`."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

import structlog
from nats.aio.client import Client

from rollbook_projector.partition import WAITS, Health, Partition
from rollbook_projector.patience import pause
from rollbook_projector.settings import ProjectorSettings

_log = structlog.get_logger(__name__)
_GRACE: Final = 5.0
_DEAF: Final = 10.0
"""Seconds without any partition's log after which another server is tried."""


class Beside(Protocol):
    """What runs beside the partitions; neither waits for the other."""

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set, whatever happens."""


class Projector:
    """Applies every partition that no other process owns, and stands by for the others."""

    def __init__(
        self,
        client: Client,
        dsn: str,
        *,
        partitions: int,
        settings: ProjectorSettings | None = None,
        beside: Sequence[Beside] = (),
    ) -> None:
        configured = settings or ProjectorSettings()
        self._client = client
        self._partitions = [Partition(number, client, dsn, configured) for number in range(partitions)]
        self._beside = beside

    async def run(self, stop: asyncio.Event) -> None:
        """Apply facts until ``stop`` is set; the batches in hand are finished."""
        tasks = [asyncio.create_task(partition.run()) for partition in self._partitions]
        tasks += [asyncio.create_task(other.run(stop)) for other in self._beside]
        tasks.append(asyncio.create_task(self._try_other_servers(stop)))
        try:
            await stop.wait()
            for partition in self._partitions:
                partition.stop()
            await asyncio.wait(tasks, timeout=_GRACE)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _try_other_servers(self, stop: asyncio.Event) -> None:
        """Leave a server through which no log is reached, though it answers: it may be cut off from the others."""
        clock = asyncio.get_running_loop().time
        reached = clock()
        while not stop.is_set():
            await pause(stop, 1.0)
            if len(self._client.servers) == 1 or not all(_waits_for_log(each) for each in self.health()):
                reached = clock()
            elif clock() - reached > _DEAF:
                reached = clock()
                _log.warning("nats.left", reason="no partition's log is reached through this server")
                await self._client.force_reconnect()

    def health(self) -> list[Health]:
        """Return what each partition's loop does."""
        return [partition.health for partition in self._partitions]

    @property
    def ready(self) -> bool:
        """Whether each partition is applied here or may be applied by the process that owns it."""
        return all(health.state in {"applying", "standby"} for health in self.health())


def _waits_for_log(health: Health) -> bool:
    return health.state == "retrying" and health.why.startswith(WAITS)
