"""One connection to a gateway, written and read byte by byte: what no HTTP client would send, and when."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Head:
    """The head of an answer: names of headers in small letters."""

    status: int
    headers: Mapping[str, str]


class Raw:
    """A connection; ``host`` of ``connected`` is the address that it comes from."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *parts: bytes | str) -> None:
        """Send something; a gateway that has closed the connection is no error here."""
        try:
            self.writer.write(b"".join(part.encode() if isinstance(part, str) else part for part in parts))
            await self.writer.drain()
        except ConnectionError:
            pass

    async def head(self, *, within: float = 10) -> Head:
        """Read the head of an answer."""
        async with asyncio.timeout(within):
            line, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        return Head(int(line.split(" ")[1]), headers)

    async def answer(self, *, within: float = 10) -> tuple[Head, bytes]:
        """Read a whole answer."""
        head = await self.head(within=within)
        async with asyncio.timeout(within):
            return head, await self.reader.readexactly(int(head.headers.get("content-length", "0")))

    async def rest(self, *, within: float = 10) -> bytes:
        """Read until the gateway closes the connection; raises ``TimeoutError`` where it does not."""
        found = b""
        async with asyncio.timeout(within):
            try:
                while chunk := await self.reader.read(65536):
                    found += chunk
            except ConnectionError:
                pass
        return found

    async def closed(self, *, within: float) -> bool:
        """Say whether the gateway closes the connection within so many seconds."""
        try:
            await self.rest(within=within)
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        self.writer.transport.abort()


@asynccontextmanager
async def connected(url: str, *, host: str = "127.0.0.1", receive: int | None = None) -> AsyncIterator[Raw]:
    """Connect to a gateway for the block; ``receive`` is the size of the system's buffer for what comes."""
    parts = urlsplit(url)
    with socket.socket() as opened:
        if receive is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        opened.bind((host, 0))
        opened.setblocking(False)
        await asyncio.get_running_loop().sock_connect(opened, (parts.hostname, parts.port))
        raw = Raw(*await asyncio.open_connection(sock=opened, limit=2**20))
        try:
            yield raw
        finally:
            raw.close()
