"""The acceptor on real sockets: whose connection is handed over when, and what becomes of those that say nothing."""

import asyncio
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from rollbook_gateway.edge.accepting import AT_ONCE, Acceptor, FairSite
from rollbook_gateway.edge.connections import Connection, Connections
from rollbook_gateway.edge.limits import Limits
from rollbook_gateway.edge.refusals import Refusals
from rollbook_gateway.edge.serving import GatewayRunner
from support.waiting import until


class Opened(asyncio.Protocol):
    """The HTTP side of a connection: it notes what comes, in the order in which connections first speak."""

    def __init__(self, heard: list[bytes], connection: Connection) -> None:
        self._heard = heard
        self._connection = connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._connection.end = transport.abort

    def connection_lost(self, _exc: Exception | None) -> None:
        self._connection.forget()

    def data_received(self, data: bytes) -> None:
        self._heard.append(data)


class Listening:
    """An acceptor, and what its connections heard."""

    def __init__(self, limits: Limits) -> None:
        self.heard: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._socket.setblocking(False)
        self.address = self._socket.getsockname()
        self.clients: list[socket.socket] = []
        clock = asyncio.get_running_loop().time
        self.connections = Connections(limits, clock, Refusals(clock))
        self.acceptor = Acceptor([self._socket], self._opened, self.connections, look=0.02)

    def connect(self, first: bytes = b"", host: str = "127.0.0.1") -> socket.socket:
        """Connect from outside, at once, from this address, and say something."""
        client = socket.create_connection(self.address, source_address=(host, 0))
        client.sendall(first)
        self.clients.append(client)
        return client

    def _opened(self, connection: Connection) -> Opened:
        return Opened(self.heard, connection)

    async def until_heard(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.heard) < count:  # noqa: ASYNC110  # sockets bring it
                await asyncio.sleep(0.001)


@pytest.fixture
async def listening() -> AsyncIterator[Listening]:
    lent = Listening(Limits())
    yield lent
    lent.acceptor.close()
    for client in lent.clients:
        client.close()


def request_of(tenant: str) -> bytes:
    return f"POST /scim/{tenant}/v2/Users HTTP/1.1\r\n".encode()


async def test_a_lone_connection_does_not_wait_behind_a_crowd(listening: Listening) -> None:
    """Of 400 connections that came before, one round goes first; then the other tenant's has its turn."""
    for _ in range(400):
        listening.connect(request_of("crowd"))
    listening.connect(request_of("lone"))

    await listening.until_heard(401)
    assert sorted(set(listening.heard)) == [request_of("crowd"), request_of("lone")]
    assert listening.heard.index(request_of("lone")) <= 10 * AT_ONCE


async def test_who_names_a_tenant_from_elsewhere_takes_nobodys_turn(listening: Listening) -> None:
    """400 connections from another address name the tenant of a lone one: it waits for a round of them, not for all."""
    for _ in range(400):
        listening.connect(request_of("beta") + b"stranger", host="127.0.0.2")
    listening.connect(request_of("beta") + b"lone")

    await listening.until_heard(401)
    assert listening.heard.index(request_of("beta") + b"lone") <= 10 * AT_ONCE


async def test_behind_one_address_tenants_still_take_turns(listening: Listening) -> None:
    """Of 400 connections through one proxy and one of another tenant through it, the latter does not wait for all."""
    for number in range(400):
        listening.connect(request_of("crowd"), host="127.0.0.2" if number % 2 else "127.0.0.1")
    listening.connect(request_of("lone"), host="127.0.0.2")

    await listening.until_heard(401)
    assert listening.heard.index(request_of("lone")) <= 10 * AT_ONCE


async def test_what_was_looked_at_is_still_there_to_be_read(listening: Listening) -> None:
    """The server gets the request from its first byte on, whatever it is."""
    for sent in (request_of("a"), b"\x16\x03\x01 no HTTP", b"G"):
        listening.connect(sent)
    await listening.until_heard(3)
    assert sorted(listening.heard) == sorted([request_of("a"), b"\x16\x03\x01 no HTTP", b"G"])


async def test_a_silent_connection_waits_until_it_speaks(listening: Listening) -> None:
    """It takes nobody's place meanwhile, and is served when its request comes; one that goes again is forgotten."""
    silent, gone = listening.connect(), listening.connect()
    listening.connect(request_of("a"))
    await listening.until_heard(1)
    gone.close()
    silent.sendall(request_of("b"))
    await listening.until_heard(2)
    assert listening.heard == [request_of("a"), request_of("b")]


async def test_a_closed_acceptor_closes_those_that_wait(listening: Listening) -> None:
    """Who was not served yet is told at once, rather than left to wait."""
    silent = listening.connect()
    listening.connect(request_of("a"))
    await listening.until_heard(1)
    listening.acceptor.close()
    silent.settimeout(2)
    assert await asyncio.to_thread(silent.recv, 1) == b""


async def test_a_site_serves_and_stops() -> None:
    """Behind it stands aiohttp's server as ever: a free port, answers, and no more of them once it was stopped."""

    async def hello(_request: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", hello)
    runner = GatewayRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = FairSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{site.port}/"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert await response.text() == "hello"
    await runner.cleanup()
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(url)


async def test_a_reader_who_takes_nothing_is_cut_off() -> None:
    """An answer has its time; when it is over the connection ends, whatever is left of it."""

    async def much(_request: web.Request) -> web.Response:
        return web.Response(body=bytes(16 * 1024 * 1024))

    app = web.Application()
    app.router.add_get("/", much)
    runner = GatewayRunner(app, shutdown_timeout=1, limits=Limits(body_seconds=0.2, least_rate=2**30))
    await runner.setup()
    site = FairSite(runner, "127.0.0.1", 0)
    await site.start()
    with socket.create_connection(("127.0.0.1", site.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: gateway\r\n\r\n")
        await until(lambda: len(runner.connections) == 1)
        await until(lambda: len(runner.connections) == 0)
    await runner.cleanup()


async def test_a_port_that_is_taken_is_an_error_of_the_system() -> None:
    """As aiohttp's own site has it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        runner = GatewayRunner(web.Application(), shutdown_timeout=1)
        await runner.setup()
        with pytest.raises(OSError, match="in use"):
            await FairSite(runner, "127.0.0.1", taken.getsockname()[1]).start()
        await runner.cleanup()
