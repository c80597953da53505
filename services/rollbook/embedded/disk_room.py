"""Restarts a nats-server that goes on refusing writes after its full disk has room again; beside `rollbook up`."""

import asyncio
from typing import Final

import structlog

from rollbook.embedded.nats_server import NatsServer

LOOK_SECONDS: Final = 5.0
"""How often the server is looked at; it is restarted where it is held up twice in a row."""
PAUSE_SECONDS: Final = 60.0
"""The least time between two restarts."""

_log = structlog.get_logger(__name__)


async def restart_when_there_is_room(
    server: NatsServer, *, look: float = LOOK_SECONDS, least_pause: float = PAUSE_SECONDS
) -> None:
    """Stop the server whenever it is certainly held up; who supervises it starts it again. Until cancelled."""
    before: str | None = None
    while True:
        await asyncio.sleep(look)
        trouble = await server.held_up()
        if trouble is not None and before is not None:
            _log.warning("nats.held_up", reason=trouble, action="restart")
            await server.stop()
            await asyncio.sleep(least_pause)
            trouble = None
        before = trouble
