"""The environment, read once: the only place that knows ``ROLLBOOK_*``; every problem is reported together."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rollbook.errors import CommandError
from rollbook_contracts.streams import DEFAULT_PARTITIONS

DEFAULT_DATA = Path(".rollbook")
LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a process is told from outside; URLs are ``None`` where the embedded servers are meant."""

    data: Path = DEFAULT_DATA
    nats_url: str | None = None
    nats_monitor_url: str | None = None
    database_url: str | None = None
    claim_key: str | None = None
    public_url: str | None = None
    log_level: str = "info"
    partitions: int = DEFAULT_PARTITIONS
    replicas: int | None = None
    allow_lazy_sync: bool = False
    apply_delay: float = 0.0
    staging_patience: int = 900
    request_log_days: int = 90


def load_settings(environ: Mapping[str, str], *, data: Path | None = None) -> Settings:
    """Read the settings; ``data`` is the command line's ``--data`` and goes first.

    Raises ``CommandError`` naming every variable that is wrong, its value and what is allowed.
    """
    reader = _Reader(environ)
    settings = Settings(
        data=data or Path(reader.text("ROLLBOOK_DATA") or DEFAULT_DATA),
        nats_url=reader.url("ROLLBOOK_NATS_URL", ("nats://", "tls://")),
        nats_monitor_url=reader.url("ROLLBOOK_NATS_MONITOR_URL", ("http://", "https://")),
        database_url=reader.url("ROLLBOOK_DATABASE_URL", ("postgresql://", "postgres://")),
        claim_key=reader.claim_key("ROLLBOOK_CLAIM_KEY"),
        public_url=reader.url("ROLLBOOK_PUBLIC_URL", ("http://", "https://")),
        log_level=reader.choice("ROLLBOOK_LOG_LEVEL", LOG_LEVELS, "info"),
        partitions=reader.number("ROLLBOOK_PARTITIONS", DEFAULT_PARTITIONS, 1, 64),
        replicas=reader.number("ROLLBOOK_REPLICAS", 0, 1, 5) or None,
        allow_lazy_sync=reader.choice("ROLLBOOK_ALLOW_LAZY_SYNC", ("0", "1"), "0") == "1",
        staging_patience=reader.number("ROLLBOOK_STAGING_PATIENCE", 900, 1, 86_400),
        request_log_days=reader.number("ROLLBOOK_REQUEST_LOG_DAYS", 90, 1, 3650),
        apply_delay=reader.number("ROLLBOOK_APPLY_DELAY_MS", 0, 0, 60_000) / 1000,
    )
    reader.finish()
    return settings


class _Reader:
    """Collects what is wrong instead of stopping at the first."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._problems: list[str] = []

    def text(self, name: str) -> str | None:
        return self._environ.get(name) or None

    def url(self, name: str, schemes: tuple[str, ...]) -> str | None:
        value = self.text(name)
        if value is not None and not all(part.strip().startswith(schemes) for part in value.split(",")):
            self._problems.append(f"{name} is {_without_password(value)!r}; it must begin with {' or '.join(schemes)}")
        return value.rstrip("/") if value is not None else None

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        value = self.text(name) or default
        if value not in allowed:
            self._problems.append(f"{name} is {value!r}; allowed: {', '.join(allowed)}")
        return value

    def number(self, name: str, default: int, lowest: int, highest: int) -> int:
        value = self.text(name)
        if value is None:
            return default
        if value.isdecimal() and lowest <= int(value) <= highest:
            return int(value)
        self._problems.append(f"{name} is {value!r}; it must be a whole number from {lowest} to {highest}")
        return default

    def claim_key(self, name: str) -> str | None:
        value = self.text(name)
        if value is not None and not (len(value) == 64 and all(digit in "0123456789abcdef" for digit in value)):
            self._problems.append(f"{name} must be 64 lower-case hexadecimal digits (its value is not shown)")
        return value

    def finish(self) -> None:
        if self._problems:
            raise CommandError("The environment has settings that cannot be used:", *self._problems)


def _without_password(url: str) -> str:
    head, at, tail = url.rpartition("@")
    return f"{head.partition('://')[0]}://…@{tail}" if at else url
