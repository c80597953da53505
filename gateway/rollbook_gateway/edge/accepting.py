"""How connections get in: accepted as they come, then handed to the HTTP server a few at a time, fairly.

Accepting is cheap, reading a request is not: two thousand connections at once take a quarter of a second. So they wait
here until their first request begins, then in a line for each address, and there for each tenant that is named; its
token is asked for later. So who names another's tenant from elsewhere takes nobody's turn.
"""

import asyncio
import re
import socket
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, Final, TypeAlias

from aiohttp import web

from rollbook_gateway.admission.rotation import Rotation
from rollbook_gateway.edge.connections import CLOSED, Connection, Connections, nothing
from rollbook_gateway.edge.serving import GatewayRunner

BACKLOG: Final = 4096
AT_ONCE: Final = 32
"""Connections handed over in one round of the event loop: enough to fill the log's batches, few enough to wait for."""
_PEEKED_BYTES: Final = 256
_ACCEPTED_AT_ONCE: Final = 64
_TENANT: Final = re.compile(rb"[A-Z]+ (?:https?://[^/ ]*)?/scim/([^/ ?#]*)")
_PAUSE_SECONDS: Final = 0.1
LOOK_SECONDS: Final = 1.0
"""How often it is looked whose time is over."""

MakeProtocol: TypeAlias = Callable[[Connection], asyncio.BaseProtocol]


class FairSite(web.BaseSite):
    """aiohttp's site with an acceptor of our own, on one host and port; 0 takes a free port."""

    def __init__(self, runner: GatewayRunner, host: str, port: int) -> None:
        super().__init__(runner, backlog=BACKLOG)
        self._gateway = runner
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
        host, port = self._address
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        sockets = [_listen(info[0], info[4]) for info in dict.fromkeys(found)]
        self._acceptor = Acceptor(sockets, self._gateway.make_protocol, self._gateway.connections)

    async def stop(self) -> None:
        """Listen no more."""
        if self._acceptor is not None:
            self._acceptor.close()
        await super().stop()


class Acceptor:
    """Listens on sockets until it is closed; ``make_protocol`` makes the HTTP side of a connection."""

    def __init__(
        self,
        sockets: list[socket.socket],
        make_protocol: MakeProtocol,
        connections: Connections,
        look: float = LOOK_SECONDS,
    ) -> None:
        self.sockets = sockets
        self._make_protocol = make_protocol
        self._connections = connections
        self._look_seconds = look
        self._loop = asyncio.get_running_loop()
        self._silent: dict[socket.socket, Connection] = {}
        self._waiting = _Lines()
        self._round: asyncio.Handle | None = None
        self._handing_over: set[asyncio.Task[None]] = set()
        for listening in sockets:
            self._loop.add_reader(listening, self._accept, listening)
        self._looking = self._loop.call_later(look, self._look)

    def close(self) -> None:
        """Listen no more; connections that still wait are closed, others stay."""
        for listening in self.sockets:
            self._loop.remove_reader(listening)
            listening.close()
        self.sockets = []
        self._looking.cancel()
        self._connections.refusals.tell(now=True)
        if self._round is not None:
            self._round.cancel()
        while self._waiting:
            _end(*self._waiting.take())
        for silent, connection in list(self._silent.items()):
            self._forget_silent(silent)
            _end(silent, connection)

    def _look(self) -> None:
        self._connections.close_overdue()
        self._looking = self._loop.call_later(self._look_seconds, self._look)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                accepted, address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                break
            except OSError as error:
                # No descriptor is left, as a rule: those that are open must be answered first.
                self._connections.refusals.count("connections.not_accepted", error.strerror or "unknown")
                self._connections.make_room()
                self._loop.remove_reader(listening)
                self._loop.call_later(_PAUSE_SECONDS, self._accept_again, listening)
                break
            connection = self._connections.open(address[0])
            if connection is None:
                accepted.close()
                continue
            accepted.setblocking(False)
            connection.end = partial(self._end_silent, accepted)
            self._have_wait(accepted, connection)

    def _have_wait(self, accepted: socket.socket, connection: Connection) -> None:
        """Put a connection into its line once its first request has begun."""
        try:
            begun = accepted.recv(_PEEKED_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            if accepted not in self._silent:
                self._silent[accepted] = connection
                self._loop.add_reader(accepted, self._have_wait, accepted, connection)
            return
        except OSError:
            begun = b""
        self._forget_silent(accepted)
        if not begun:
            _end(accepted, connection)
            return
        connection.work()
        connection.end = accepted.close
        match = _TENANT.match(begun)
        self._waiting.put(connection, match[1] if match else None, accepted)
        if self._round is None:
            self._round = self._loop.call_soon(self._hand_over)

    def _forget_silent(self, accepted: socket.socket) -> None:
        if self._silent.pop(accepted, None) is not None:
            self._loop.remove_reader(accepted)

    def _end_silent(self, accepted: socket.socket) -> None:
        self._forget_silent(accepted)
        accepted.close()

    def _accept_again(self, listening: socket.socket) -> None:
        if listening in self.sockets:
            self._loop.add_reader(listening, self._accept, listening)

    def _hand_over(self) -> None:
        for _ in range(AT_ONCE):
            if not self._waiting:
                break
            accepted, connection = self._waiting.take()
            if accepted.fileno() < 0:  # its time was over while it waited
                continue
            connection.end = nothing
            task = self._loop.create_task(self._open(accepted, connection))
            self._handing_over.add(task)
            task.add_done_callback(self._handing_over.discard)
        self._round = self._loop.call_soon(self._hand_over) if self._waiting else None

    async def _open(self, accepted: socket.socket, connection: Connection) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: self._make_protocol(connection), accepted)
        except OSError as error:
            self._connections.refusals.count(CLOSED, error.strerror or "lost")
            _end(accepted, connection)


class _Lines:
    """Those who wait: addresses take turns, and behind each address the tenants that are named there."""

    def __init__(self) -> None:
        self._addresses: Rotation[None] = Rotation()
        self._names: dict[Hashable, Rotation[tuple[socket.socket, Connection]]] = {}

    def __bool__(self) -> bool:
        return bool(self._addresses)

    def put(self, connection: Connection, name: bytes | None, accepted: socket.socket) -> None:
        self._addresses.put(connection.address, None)
        self._names.setdefault(connection.address, Rotation()).put(name, (accepted, connection))

    def take(self) -> tuple[socket.socket, Connection]:
        address, _ = self._addresses.take()
        names = self._names[address]
        _, waiting = names.take()
        if not names:
            del self._names[address]
        return waiting


def _end(accepted: socket.socket, connection: Connection) -> None:
    connection.forget()
    accepted.close()


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
