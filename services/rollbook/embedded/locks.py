"""A lock on a folder that ends with its holders and names them; the data folder and both servers take one.

The lock is the kernel's (``flock``): nothing stale is left behind by ``kill -9``. A server inherits its lock, which is
so held for exactly as long as any process of that server is alive, whoever started it.
"""

import asyncio
import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from rollbook.embedded.account import Account
from rollbook.embedded.errors import DataInUseError
from rollbook.embedded.files import explained, open_private


class FolderLock:
    """An open lock file; closing it gives the lock up, unless a process that inherited it is still alive."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    def take(cls, file: Path, *, owner: Account | None = None) -> Self:
        """Take the lock at once, or raise DataInUseError naming the holder."""
        with explained(file):
            descriptor = open_private(file, os.O_RDWR, owner=owner)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise DataInUseError(file.parent, _holder(file)) from None
        return cls(descriptor)

    @classmethod
    async def take_within(cls, file: Path, *, patience: float, owner: Account | None = None) -> Self:
        """Take the lock as soon as its holder has ended; raise DataInUseError after ``patience`` seconds."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + patience
        while True:
            try:
                return cls.take(file, owner=owner)
            except DataInUseError:
                if clock() > deadline:
                    raise
            await asyncio.sleep(0.02)

    def name_holder(self, name: str, pid: int) -> None:
        """Write down who holds the lock, for whoever is refused."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{name}, process {pid}\n".encode(), 0)

    def close(self) -> None:
        """Give the lock up, as far as this process is concerned."""
        os.close(self.descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _holder(file: Path) -> str:
    named = file.read_text(encoding="utf-8").strip() or "another process"
    since = datetime.fromtimestamp(file.stat().st_mtime, tz=UTC)
    return f"{named}, since {since:%Y-%m-%d %H:%M:%S} UTC"
