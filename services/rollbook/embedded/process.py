"""One process with a log file that cannot outlive this one; every child of the embedded stack is started here."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import structlog

from rollbook.embedded import orphans
from rollbook.embedded.account import Account
from rollbook.embedded.files import explained, open_private

POLL_INTERVAL: Final = 0.02
LOG_LIMIT: Final = 20_000_000
"""Bytes after which a log is set aside. The newest of those set aside is kept, so each process has twice this."""
LOG_CHECK_SECONDS: Final = 1.0
_COPIED_AT_ONCE: Final = 1024 * 1024

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """How a process is started and ended."""

    argv: tuple[str, ...]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL
    """Sent when this process dies before the child."""


class Process:
    """A running process, in a session of its own so that a terminal's ctrl-C does not reach it."""

    def __init__(self, popen: subprocess.Popen[bytes], command: Command, watchdog: orphans.Watchdog | None) -> None:
        self._popen = popen
        self._command = command
        self._watchdog = watchdog

    @classmethod
    def spawn(cls, command: Command, *, inherit: int | None = None, kernel_can: bool = orphans.KERNEL_CAN) -> Self:
        """Start a process that holds the descriptor ``inherit``.

        Call it from a thread that lasts (the event loop's): when that one ends, the kernel ends the process.
        """
        account = command.account
        with _log_file(command.log, account) as log, _fork_allowed():
            popen = subprocess.Popen(  # noqa: S603  # the command is ours
                command.argv,
                env=dict(command.env),
                cwd=command.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=() if inherit is None else (inherit,),
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                preexec_fn=orphans.ended_by_kernel(command.orphan_signal) if kernel_can else None,  # noqa: PLW1509  # it makes two system calls
            )
        return cls(popen, command, None if kernel_can else orphans.Watchdog(popen.pid, command.orphan_signal))

    @property
    def pid(self) -> int:
        return self._popen.pid

    def status(self) -> int | None:
        """Return the exit status, or None while the process is alive."""
        status = self._popen.poll()
        if status is not None and self._watchdog is not None:
            self._watchdog.dismiss()
            self._watchdog = None
        return status

    async def wait(self) -> int:
        """Return the exit status once the process has ended; meanwhile its log is kept short."""
        polls = 0
        while (status := self.status()) is None:
            await asyncio.sleep(POLL_INTERVAL)  # works on every system and event loop
            polls += 1
            if polls * POLL_INTERVAL >= LOG_CHECK_SECONDS:
                polls = 0
                _keep_short(self._command.log, self._command.account)
        return status

    async def stop(self, *, grace: float) -> int:
        """Ask the process to end, and kill it after ``grace`` seconds."""
        self._popen.send_signal(self._command.stop_signal)
        try:
            async with asyncio.timeout(grace):
                return await self.wait()
        except TimeoutError:
            self._popen.kill()
            return await self.wait()

    def kill(self) -> None:
        """End the process as a power cut would."""
        self._popen.kill()

    def end(self) -> None:
        """Kill the process and return when it is gone, also where nothing can be awaited any more."""
        self._popen.kill()
        self._popen.wait()
        self.status()


def log_tail(log: Path, lines: int = 12) -> str:
    """Return the last lines of a log."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 10_000))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])


@contextlib.contextmanager
def _log_file(log: Path, owner: Account | None) -> Iterator[int]:
    """Open a log to append to; a long one is set aside first, so that two of them are the most that is kept."""
    with explained(log):
        if log.exists() and log.stat().st_size > LOG_LIMIT:
            log.replace(log.with_name(f"{log.name}.1"))
        descriptor = open_private(log, os.O_WRONLY | os.O_APPEND, owner=owner)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _keep_short(log: Path, owner: Account | None) -> None:
    """Set a long log aside while its process writes: copied, then emptied, since the process keeps it open.

    The process appends, so it goes on at the new end. What it writes in the moment between both is lost.
    """
    try:
        if log.stat().st_size <= LOG_LIMIT:
            return
        source = open_private(log, os.O_RDWR, owner=owner)
        with os.fdopen(source, "rb") as full:
            older = open_private(log.with_name(f"{log.name}.1"), os.O_WRONLY | os.O_TRUNC, owner=owner)
            with os.fdopen(older, "wb") as copy:
                shutil.copyfileobj(full, copy, _COPIED_AT_ONCE)
            os.ftruncate(source, 0)
    except OSError as error:
        _log.warning("log.not_set_aside", log=str(log), reason=str(error))


@contextlib.contextmanager
def _fork_allowed() -> Iterator[None]:
    """Silence Python's warning of fork in a process with threads: the child runs two system calls, then the program."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
