"""Reads the bodies of groups: small ones at once, large ones beside, so that no request waits for another one's parse.

Decoding JSON holds Python's lock, in whatever thread it runs: ten megabytes take some 100 ms, in which nobody else is
answered. So a large body goes through a pipe to a process of its own, and comes back in pieces.
"""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import structlog

from rollbook_gateway.intake.reading import READERS, Sent, SentGroup, SentPatch
from rollbook_gateway.intake.wire import HEADERS, LENGTH, PIECES, read_answer
from rollbook_gateway.scim.notes import Notes

READ_AT_ONCE: Final = 128 * 1024
"""Bytes of a body that is read at once: some 3,000 members, 3 to 5 ms."""
PATIENCE_SECONDS: Final = 30.0
"""How long the other process may take for one body; 32 MiB take it a second or two."""

logger = structlog.get_logger(__name__)


class UnreadError(Exception):
    """The reading process died or hangs: the body may be sent again."""


class Bodies:
    """The bodies of one gateway; the process beside it is started with the first large one."""

    def __init__(self, read_at_once: int = READ_AT_ONCE) -> None:
        self._read_at_once = read_at_once
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None

    async def group(self, chunks: Sequence[bytes], notes: Notes) -> SentGroup:
        """Read a whole group; raises ``ScimError`` and ``UnreadError``; ``notes`` say what was read otherwise."""
        sent = await self._read("group", chunks, notes)
        assert isinstance(sent, SentGroup)
        return sent

    async def patch(self, chunks: Sequence[bytes], notes: Notes) -> SentPatch:
        """Read a PATCH; raises ``ScimError`` and ``UnreadError``; ``notes`` say what was read otherwise."""
        sent = await self._read("patch", chunks, notes)
        assert isinstance(sent, SentPatch)
        return sent

    async def close(self) -> None:
        """End the process beside."""
        async with self._turn:
            await self._end()

    async def _read(self, kind: str, chunks: Sequence[bytes], notes: Notes) -> Sent:
        size = sum(map(len, chunks))
        if size <= self._read_at_once:
            return READERS[kind](b"".join(chunks), notes)
        async with self._turn:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    return await self._ask(kind, size, chunks, notes)
            except (OSError, EOFError, TimeoutError) as error:
                logger.warning("intake.process_lost", reason=type(error).__name__, size=size)
                await self._end()
                raise UnreadError from error
            except asyncio.CancelledError:
                await self._end()  # its answer would be taken for that to the next question
                raise

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

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _frame(stdout: asyncio.StreamReader) -> bytes:
    length = int.from_bytes(await stdout.readexactly(LENGTH))
    return await stdout.readexactly(length)
