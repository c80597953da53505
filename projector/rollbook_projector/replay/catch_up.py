"""Reads a partition's log from a sequence up to another one, batch by batch; shared by rebuild and verify."""

from collections.abc import AsyncIterator

from nats.aio.client import Client

from rollbook_projector.pull import PullBrokenError, PullSettings, pulling
from rollbook_projector.recorded import LogMessage


async def read_range(
    client: Client, stream: str, *, after: int, until: int, size: int, settings: PullSettings
) -> AsyncIterator[list[LogMessage]]:
    """Yield the messages behind ``after`` up to ``until``, in order; raises ``PullBrokenError``.

    The server drops the consumer of a reader who works on what it has for half a minute: a new one takes its place.
    """
    while after < until:
        began = after
        try:
            async with pulling(client, stream, after=after, settings=settings) as pull:
                while after < until:
                    messages = [message for message in await pull.take(size, patience=1.0) if message.sequence <= until]
                    if messages:
                        after = messages[-1].sequence
                        yield messages
        except PullBrokenError:
            if after == began:
                raise
