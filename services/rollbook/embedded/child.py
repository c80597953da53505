"""A child that is started, awaited and stopped: what the supervisor knows of the servers and of our own programs."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from rollbook.embedded.account import Account
from rollbook.embedded.errors import StartFailedError
from rollbook.embedded.locks import FolderLock
from rollbook.embedded.process import Command, Process, log_tail

READINESS_INTERVAL = 0.05
LOCK_PATIENCE = 15.0
"""Seconds that a start waits for the processes of an earlier server on the same data to end."""


class Child(ABC):
    """One process that can be started again after it ended; an async context manager from ready to stopped."""

    name: str
    grace: float = 4.0
    """Seconds between asking the process to end and killing it."""
    patience: float = 120.0
    """Seconds until a start that is not ready has failed: a server that recovers a long log takes its time."""

    def __init__(self) -> None:
        self._process: Process | None = None

    @property
    @abstractmethod
    def log(self) -> Path:
        """The file that takes the process's output."""

    @abstractmethod
    async def is_ready(self) -> bool:
        """Say whether the process does its work now; called until it does."""

    @abstractmethod
    async def _spawn(self) -> Process:
        """Prepare what the process needs and start it."""

    @property
    def pid(self) -> int:
        """The process id, as long as the child was started once."""
        return self._running().pid

    async def start(self) -> None:
        """Start the process and return when it is ready; raise StartFailedError when it ends instead.

        A process that this child had before is waited for: it has been killed, or has ended.
        """
        if self._process is not None:
            await self._process.wait()
        self._process = process = await self._spawn()
        try:
            async with asyncio.timeout(self.patience):
                await self._until_ready(process)
        except TimeoutError:
            process.end()
            raise self.start_failed(f"it did not answer within {self.patience:.0f} s") from None
        except BaseException:
            process.end()
            raise

    async def wait(self) -> int:
        """Return the exit status once the process has ended."""
        return await self._running().wait()

    async def stop(self) -> None:
        """Ask the process to end, kill it when it does not, and return when it is gone; no harm when it never ran."""
        if self._process is not None:
            await self._process.stop(grace=self.grace)

    def end(self) -> None:
        """Kill the process, if there is one, and return when it is gone."""
        if self._process is not None:
            self._process.end()

    def kill(self) -> None:
        """End the process with SIGKILL, as tests and power cuts do; `start` brings it back."""
        if self._process is not None:
            self._process.kill()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _running(self) -> Process:
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process

    async def _until_ready(self, process: Process) -> None:
        while not await self.is_ready():
            if (status := process.status()) is not None:
                raise self.start_failed(f"it ended with exit status {status}")
            await asyncio.sleep(READINESS_INTERVAL)

    def start_failed(self, what: str) -> StartFailedError:
        """Return the error that says why there was no start, with the end of the log."""
        return StartFailedError(self.name, what, self.log, log_tail(self.log))


class Program(Child):
    """A process of our own, such as ``python -m rollbook gateway``; a check of the caller's says when it is ready."""

    def __init__(self, name: str, command: Command, is_ready: Callable[[], Awaitable[bool]]) -> None:
        super().__init__()
        self.name = name
        self._command = command
        self._is_ready = is_ready

    @property
    def log(self) -> Path:
        return self._command.log

    async def is_ready(self) -> bool:
        return await self._is_ready()

    async def _spawn(self) -> Process:
        return Process.spawn(self._command)


async def spawn_locked(
    name: str, folder: Path, prepare: Callable[[], Awaitable[Command]], *, owner: Account | None
) -> Process:
    """Start a server that inherits the lock of its folder, once no process of an earlier one is left."""
    with await FolderLock.take_within(folder / "lock", patience=LOCK_PATIENCE, owner=owner) as lock:
        process = Process.spawn(await prepare(), inherit=lock.descriptor)
        lock.name_holder(name, process.pid)
        return process
