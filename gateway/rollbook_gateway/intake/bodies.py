"""Reads the bodies of groups: small ones at once, large ones beside, so that no request waits for another one's parse.

Decoding JSON holds Python's lock, in whatever thread it runs: ten megabytes take some 100 ms, in which nobody else is
answered. So a large body goes through a pipe to a process of its own, and comes back in pieces. Organizations take
turns there, a body each.
"""

import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Final

import structlog

from rollbook_gateway.intake.reading import READERS, Sent, SentGroup, SentPatch
from rollbook_gateway.intake.wire import HEADERS, LENGTH, PIECES, read_answer
from rollbook_gateway.scim.notes import Notes

READ_AT_ONCE: Final = 128 * 1024
"""Bytes of a body that is read at once: some 3,000 members, 3 to 5 ms."""
PATIENCE_SECONDS: Final = 30.0
"""How long another process may take for one body; 32 MiB take it a second or two."""
PROCESSES: Final = 2
"""Reading processes, of which one organization has one at most: others never wait for all of its bodies."""

logger = structlog.get_logger(__name__)


class UnreadError(Exception):
    """The reading process died or hangs: the body may be sent again."""


class Bodies:
    """The bodies of one gateway; ``turn`` waits for an organization's turn and holds it for a block.

    No more than ``PROCESSES`` may have their turn at once; the processes are started when large bodies come.
    """

    def __init__(
        self, turn: Callable[[str], AbstractAsyncContextManager[None]], read_at_once: int = READ_AT_ONCE
    ) -> None:
        self._turn = turn
        self._read_at_once = read_at_once
        self._readers = tuple(_Reader() for _ in range(PROCESSES))
        self._idle = list(self._readers)

    async def group(self, organization: str, chunks: Sequence[bytes], notes: Notes) -> SentGroup:
        """Read a whole group; raises ``ScimError`` and ``UnreadError``; ``notes`` say what was read otherwise."""
        sent = await self._read("group", organization, chunks, notes)
        assert isinstance(sent, SentGroup)
        return sent

    async def patch(self, organization: str, chunks: Sequence[bytes], notes: Notes) -> SentPatch:
        """Read a PATCH; raises ``ScimError`` and ``UnreadError``; ``notes`` say what was read otherwise."""
        sent = await self._read("patch", organization, chunks, notes)
        assert isinstance(sent, SentPatch)
        return sent

    async def close(self) -> None:
        """End the processes beside."""
        for reader in self._readers:
            await reader.end()

    async def _read(self, kind: str, organization: str, chunks: Sequence[bytes], notes: Notes) -> Sent:
        if sum(map(len, chunks)) <= self._read_at_once:
            return READERS[kind](b"".join(chunks), notes)
        async with self._turn(organization):
            reader = self._idle.pop()
            try:
                return await reader.read(kind, chunks, notes)
            finally:
                self._idle.append(reader)  # the last to stop is the first to go on: its process runs already


class _Reader:
    """One reading process, started when it is first asked; one body at a time."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None

    async def read(self, kind: str, chunks: Sequence[bytes], notes: Notes) -> Sent:
        size = sum(map(len, chunks))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._ask(kind, size, chunks, notes)
        except (OSError, EOFError, TimeoutError) as error:
            logger.warning("intake.process_lost", reason=type(error).__name__, size=size)
            await self.end()
            raise UnreadError from error
        except asyncio.CancelledError:
            await self.end()  # its answer would be taken for that to the next question
            raise

    async def end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _ask(self, kind: str, size: int, chunks: Sequence[bytes], notes: Notes) -> Sent:
        stdin, stdout = await self._pipes()
        stdin.write(f"{kind} {size}\n".encode())
        for chunk in chunks:
            stdin.write(chunk)
            await stdin.drain()
        header = HEADERS.decode(await _frame(stdout))
        notes += header.notes
        return read_answer(header, [PIECES.decode(await _frame(stdout)) for _ in range(header.pieces)])

    async def _pipes(self) -> tuple[asyncio.StreamWriter, asyncio.StreamReader]:
        process = self._process
        if process is None or process.returncode is not None:
            process = self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "rollbook_gateway.intake",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
        assert process.stdin is not None
        assert process.stdout is not None
        return process.stdin, process.stdout


async def _frame(stdout: asyncio.StreamReader) -> bytes:
    length = int.from_bytes(await stdout.readexactly(LENGTH))
    return await stdout.readexactly(length)
