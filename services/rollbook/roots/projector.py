"""The composition root of a projector process: `rollbook projector`, and the projector of `rollbook up`."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog

from rollbook.durability import require_durable
from rollbook.memory import settle
from rollbook.roots.operator import LogConnection
from rollbook.settings import Settings
from rollbook.stack import Stack
from rollbook.streams import ensure_streams, topology
from rollbook_gateway.log.connection import connect
from rollbook_projector.projector import Projector
from rollbook_projector.provisioning_log.keeping import ProvisioningLog
from rollbook_projector.settings import ProjectorSettings

logger = structlog.get_logger(__name__)


@asynccontextmanager
async def projecting(stack: Stack, settings: Settings) -> AsyncIterator[Projector]:
    """Bring tables and streams to where this version wants them, and put a projector together."""
    from rollbook_projector.migrations import upgrade  # noqa: PLC0415  # Alembic's 12 MiB are for this process alone

    await upgrade(stack.database_url)
    nats = await connect(stack.nats_url, name="rollbook projector", patience=60, connection=LogConnection())
    try:
        await require_durable(nats, settings, stack.nats_monitor_url)
        streams = await ensure_streams(nats, topology(settings, stack.claim_key))
        keep = timedelta(days=settings.request_log_days)
        yield Projector(
            nats,
            stack.database_url,
            partitions=streams.partitions,
            settings=ProjectorSettings(apply_delay=settings.apply_delay),
            beside=[ProvisioningLog(stack.nats_url, stack.database_url, keep=keep)],
        )
    finally:
        await nats.close()


async def run_projector(
    stack: Stack,
    settings: Settings,
    *,
    stop: asyncio.Event,
    ready: Callable[[int], None],
) -> None:
    """Apply facts until ``stop``; ``ready`` is told the process id once the partitions are looked after.

    A halted partition counts: `rollbook status` can only say why in a stack that is up, and the others go on.
    """
    async with projecting(stack, settings) as projector:
        running = asyncio.create_task(projector.run(stop))
        while _is_starting(projector) and not running.done():  # noqa: ASYNC110  # each partition starts on its own
            await asyncio.sleep(0.02)
        settle()
        logger.info("projector.ready", pid=os.getpid())
        ready(os.getpid())
        await running


def _is_starting(projector: Projector) -> bool:
    return any(health.state in {"starting", "retrying"} for health in projector.health())
