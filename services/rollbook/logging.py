"""structlog, set up once per process by its composition root: JSON lines, or the console form on a terminal."""

import logging
import sys
from typing import Any, TextIO

import msgspec
import structlog

# Without the values of variables: they hold people's bodies and passwords.
_TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))


def configure_logging(level: str, stream: TextIO = sys.stderr) -> None:
    """Send structlog's events to ``stream``; lines hold names and ids, never bodies or tokens."""
    terminal = stream.isatty()
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering: list[structlog.types.Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if terminal
        else [_TRACEBACKS, structlog.processors.JSONRenderer(serializer=_dumps)]
    )
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=True,
    )


def _dumps(value: Any, **_: Any) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()
