"""Readiness: whether a write would be stored now; asked by load balancers and by whoever starts the gateway."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from rollbook_gateway.log.port import LogError

ASK_SECONDS = 1.0


class Report(msgspec.Struct, frozen=True):
    """``ready`` follows the log alone: without the database writes go on, only searches wait."""

    ready: bool
    log: str
    database: str


class Health:
    """Asks the log and the database, each within a second."""

    def __init__(self, ask_log: Callable[[], Awaitable[object]], ask_database: Callable[[], Awaitable[object]]) -> None:
        self._ask_log = ask_log
        self._ask_database = ask_database

    async def report(self) -> Report:
        """Return how things stand now."""
        log, database = await asyncio.gather(_ask(self._ask_log), _ask(self._ask_database))
        return Report(ready=log == "ok", log=log, database=database)


async def _ask(question: Callable[[], Awaitable[object]]) -> str:
    try:
        async with asyncio.timeout(ASK_SECONDS):
            await question()
    except TimeoutError:
        return "no answer"
    except (LogError, OSError) as error:
        return str(error) or type(error).__name__
    except Exception as error:  # noqa: BLE001  # a driver's own errors: whatever they are, the part is not well
        return type(error).__name__
    return "ok"
