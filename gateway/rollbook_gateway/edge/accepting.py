"""How connections get in: accepted as they come, then handed to the HTTP server a few at a time, fairly.

Accepting is cheap, reading a request is not: two thousand connections at once take a quarter of a second. So they wait
here until their first request begins, then in a line for each tenant that is named there; its token is asked for later.
"""

import asyncio
import re
import socket
from collections.abc import Callable
from typing import Any, Final

import structlog
from aiohttp import web

from rollbook_gateway.admission.rotation import Rotation

BACKLOG: Final = 4096
AT_ONCE: Final = 32
"""Connections handed over in one round of the event loop: enough to fill the log's batches, few enough to wait for."""
_PEEKED_BYTES: Final = 256
_ACCEPTED_AT_ONCE: Final = 64
_TENANT: Final = re.compile(rb"[A-Z]+ (?:https?://[^/ ]*)?/scim/([^/ ?#]*)")
_PAUSE_SECONDS: Final = 0.1

logger = structlog.get_logger(__name__)


class FairSite(web.BaseSite):
    """aiohttp's site with an acceptor of our own, on one host and port; 0 takes a free port."""

    def __init__(self, runner: web.BaseRunner, host: str, port: int) -> None:
        super().__init__(runner, backlog=BACKLOG)
        self._address = (host, port)
        self._acceptor: Acceptor | None = None

    @property
    def port(self) -> int:
        """The port that is listened on."""
        assert self._acceptor is not None, "the site was started"
        port: int = self._acceptor.sockets[0].getsockname()[1]
        return port

    @property
    def name(self) -> str:
        host, port = self._address
        return f"http://{host}:{port}"

    async def start(self) -> None:
        """Listen; raises ``OSError`` where that is not possible."""
        await super().start()
        loop = asyncio.get_running_loop()
        assert self._runner.server is not None, "the runner was set up"
        host, port = self._address
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self._acceptor = Acceptor([_listen(info[0], info[4]) for info in dict.fromkeys(found)], self._runner.server)

    async def stop(self) -> None:
        """Listen no more."""
        if self._acceptor is not None:
            self._acceptor.close()
        await super().stop()


class Acceptor:
    """Listens on sockets until it is closed; ``make_protocol`` makes the HTTP side of a connection."""

    def __init__(self, sockets: list[socket.socket], make_protocol: Callable[[], asyncio.BaseProtocol]) -> None:
        self.sockets = sockets
        self._make_protocol = make_protocol
        self._loop = asyncio.get_running_loop()
        self._silent: set[socket.socket] = set()
        self._waiting: Rotation[socket.socket] = Rotation()
        self._round: asyncio.Handle | None = None
        self._handing_over: set[asyncio.Task[None]] = set()
        for listening in sockets:
            self._loop.add_reader(listening, self._accept, listening)

    def close(self) -> None:
        """Listen no more; connections that still wait are closed, others stay."""
        for listening in self.sockets:
            self._loop.remove_reader(listening)
            listening.close()
        self.sockets = []
        if self._round is not None:
            self._round.cancel()
        while self._waiting:
            self._waiting.take()[1].close()
        while self._silent:
            connection = self._silent.pop()
            self._loop.remove_reader(connection)
            connection.close()

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                connection, _address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                break
            except OSError as error:
                # No file is left to open, as a rule: those that are open must be answered first.
                logger.warning("connection.not_accepted", reason=str(error))
                self._loop.remove_reader(listening)
                self._loop.call_later(_PAUSE_SECONDS, self._accept_again, listening)
                break
            connection.setblocking(False)
            self._have_wait(connection)

    def _have_wait(self, connection: socket.socket) -> None:
        """Put a connection into its line once its first request has begun."""
        try:
            begun = connection.recv(_PEEKED_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            if connection not in self._silent:
                self._silent.add(connection)
                self._loop.add_reader(connection, self._have_wait, connection)
            return
        except OSError:
            begun = b""
        if connection in self._silent:
            self._silent.discard(connection)
            self._loop.remove_reader(connection)
        if not begun:
            connection.close()
            return
        match = _TENANT.match(begun)
        self._waiting.put(match[1] if match else None, connection)
        if self._round is None:
            self._round = self._loop.call_soon(self._hand_over)

    def _accept_again(self, listening: socket.socket) -> None:
        if listening in self.sockets:
            self._loop.add_reader(listening, self._accept, listening)

    def _hand_over(self) -> None:
        for _ in range(AT_ONCE):
            if not self._waiting:
                break
            _, connection = self._waiting.take()
            task = self._loop.create_task(self._open(connection))
            self._handing_over.add(task)
            task.add_done_callback(self._handing_over.discard)
        self._round = self._loop.call_soon(self._hand_over) if self._waiting else None

    async def _open(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._make_protocol, connection)
        except OSError as error:
            logger.info("connection.lost", reason=str(error))
            connection.close()


def _listen(family: int, address: Any) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening
