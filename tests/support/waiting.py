"""Waiting for a condition instead of for seconds; used by tests of what goes on beside them."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], bool], *, within: float = 10.0) -> None:
    """Return once the condition holds; raise TimeoutError when it does not within so many seconds."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110  # conditions of other processes announce themselves to nobody
            await asyncio.sleep(0.005)
