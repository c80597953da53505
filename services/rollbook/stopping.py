"""How long-running commands are asked to stop: SIGTERM and SIGINT set an event, once."""

import asyncio
import signal


def stop_on_signals() -> asyncio.Event:
    """Return an event that is set when the process is asked to end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
