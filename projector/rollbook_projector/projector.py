"""All partitions of the log in one process; built and run by the composition roots of `rollbook up` and `projector`."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from nats.aio.client import Client

from rollbook_projector.partition import Health, Partition
from rollbook_projector.settings import ProjectorSettings

_GRACE: Final = 5.0


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
        self._partitions = [Partition(number, client, dsn, configured) for number in range(partitions)]
        self._beside = beside

    async def run(self, stop: asyncio.Event) -> None:
        """Apply facts until ``stop`` is set; the batches in hand are finished."""
        tasks = [asyncio.create_task(partition.run()) for partition in self._partitions]
        tasks += [asyncio.create_task(other.run(stop)) for other in self._beside]
        try:
            await stop.wait()
            for partition in self._partitions:
                partition.stop()
            await asyncio.wait(tasks, timeout=_GRACE)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def health(self) -> list[Health]:
        """Return what each partition's loop does."""
        return [partition.health for partition in self._partitions]

    @property
    def ready(self) -> bool:
        """Whether each partition is applied here or may be applied by the process that owns it."""
        return all(health.state in {"applying", "standby"} for health in self.health())
