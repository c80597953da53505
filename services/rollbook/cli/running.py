"""How a command runs: settings read, the coroutine driven, what an operator can mend shown without a traceback."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TypeVar

import asyncpg
import nats.errors
import typer

from rollbook.cli.output import OutputClosedError, say
from rollbook.embedded.errors import EmbeddedError
from rollbook.errors import CommandError
from rollbook.logging import configure_logging
from rollbook.open_files import raise_limit
from rollbook.settings import Settings, load_settings
from rollbook_gateway.log.identity import LogRegressedError
from rollbook_gateway.log.port import LogError

Result = TypeVar("Result")

FINDING = 1
"""Exit status of a command that found something wrong, or could not do what it was asked."""


def run_command(
    data: Path | None,
    command: Callable[[Settings], Coroutine[None, None, Result]],
    *,
    log_level: str | None = "warning",
) -> Result:
    """Run a command; ``log_level`` is that of its own log lines, ``None`` for the one in the settings."""
    try:
        settings = load_settings(os.environ, data=data)
        configure_logging(log_level or settings.log_level)
        raise_limit()
        return _loop_runner().run(command(settings))
    except CommandError as error:
        say(f"rollbook: {error.lines[0]}", *error.lines[1:])
    except (EmbeddedError, LogRegressedError) as error:  # the former may end with lines of a server's log
        say(*f"rollbook: {error}".splitlines())
    except (LogError, nats.errors.Error) as error:
        say(f"rollbook: NATS does not answer: {error or type(error).__name__}. `rollbook status` tells more.")
    except OutputClosedError:
        raise  # Typer ends quietly
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        say(f"rollbook: a server cannot be reached: {error or type(error).__name__}. Is the stack up?")
    except KeyboardInterrupt:
        sys.exit(130)
    raise typer.Exit(FINDING)


def _loop_runner() -> "asyncio.Runner":
    try:
        import uvloop  # noqa: PLC0415  # not on every platform
    except ImportError:
        return asyncio.Runner()
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)
