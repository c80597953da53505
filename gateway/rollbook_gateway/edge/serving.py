"""The runner that serves the application: aiohttp's, within the edge's limits, with every answer in SCIM's form."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from math import inf
from typing import Any, Final, cast

import structlog
from aiohttp import web
from aiohttp.hdrs import EXPECT
from aiohttp.http import HttpVersion11, RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from rollbook_gateway.dialect.tenant_url import clean_target
from rollbook_gateway.edge.bodies import EXPECTED, HELD, BodyLostError, next_chunk
from rollbook_gateway.edge.connections import Connection, Connections
from rollbook_gateway.edge.errors import unreadable
from rollbook_gateway.edge.limits import CONNECTION_BYTES, Limits
from rollbook_gateway.edge.middleware import TENANT, respond
from rollbook_gateway.edge.recording import SENT_TARGET
from rollbook_gateway.edge.refusals import Refusals
from rollbook_gateway.scim.limits import LINE_BYTES

DRAIN_SECONDS: Final = 10.0
"""For how long the rest of a body is dropped that an admitted request was answered before: many clients look at the
answer only when they have sent everything."""
UNREAD_SECONDS: Final = 1.0
"""For how long a stranger's connection stays open, without anything being read, after such an answer: a connection that
is closed on unread bytes takes the answer with it."""
_HEADERS: Final = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Server", "Rollbook"),
)

logger = structlog.get_logger(__name__)


class GatewayRunner(web.AppRunner):
    """aiohttp's runner with request handlers of our own; ``refusals`` counts what strangers do."""

    def __init__(
        self,
        app: web.Application,
        *,
        shutdown_timeout: float,
        limits: Limits | None = None,
        refusals: Refusals | None = None,
    ) -> None:
        limits = limits or Limits()
        super().__init__(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=shutdown_timeout,
            max_line_size=LINE_BYTES,
            max_field_size=LINE_BYTES,
            auto_decompress=False,
            lingering_time=0.0,
            keepalive_timeout=2 * limits.kept_seconds,  # the connections' own deadlines come first
            read_bufsize=CONNECTION_BYTES,
        )
        clock = asyncio.get_running_loop().time
        self.connections = Connections(limits, clock, refusals or Refusals(clock))

    def make_protocol(self, connection: Connection) -> asyncio.BaseProtocol:
        """Return the HTTP side of a connection."""
        assert isinstance(self._server, _Server), "the runner was set up"
        return self._server.protocol(connection)

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        factory = _of_clean_targets(server.request_factory)
        return _Server(server.request_handler, self.connections, request_factory=factory, **self._kwargs)


def _of_clean_targets(factory: Callable[..., web.BaseRequest]) -> Callable[..., web.BaseRequest]:
    """Return a factory of requests that stand at the address that the provider means, and know what was sent."""

    def make(message: RawRequestMessage, *parts: Any) -> web.BaseRequest:
        if EXPECT in message.headers:  # told by whoever reads the body, not by aiohttp to everybody
            request = make(message._replace(headers=_without_expect(message.headers)), *parts)
            request[EXPECTED] = True
            return request
        target = clean_target(message.path)
        if target == message.path:
            return factory(message, *parts)
        path, _, query = target.partition("?")
        url = URL.build(path=path, query_string=query, encoded=True)
        request = factory(message._replace(path=target, url=url), *parts)
        request[SENT_TARGET] = message.path
        return request

    return make


def _without_expect(headers: CIMultiDictProxy[str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(item for item in headers.items() if item[0].lower() != "expect"))


class _Server(web.Server):
    def __init__(self, handler: Any, connections: Connections, **kwargs: Any) -> None:
        super().__init__(handler, **kwargs)
        self._connected = connections

    def protocol(self, connection: Connection) -> RequestHandler:
        return _RequestHandler(self, connection, self._connected, loop=self._loop, **self._kwargs)


class _RequestHandler(RequestHandler):
    """One connection's HTTP: it tells when requests begin and end, and gives each answer its time and its headers."""

    def __init__(self, server: web.Server, connection: Connection, connections: Connections, **kwargs: Any) -> None:
        super().__init__(server, **kwargs)
        self._connection = connection
        self._limits = connections.limits
        self._refusals = connections.refusals

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        end = cast("asyncio.Transport", transport).abort  # uvloop's transports are none by their class
        self._connection.end = end  # not close, which waits for a reader that takes nothing
        if self._connection.over:
            end()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._connection.forget()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._connection.silent and data and not self._messages:
            self._connection.begin()

    async def _handle_request(
        self,
        request: web.BaseRequest,
        start_time: float | None,
        request_handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
    ) -> tuple[web.StreamResponse, bool]:
        self._connection.work()
        self._connection.deadline = inf
        if request.version.major != HttpVersion11.major:
            request_handler = self._refuse_version
        try:
            return await super()._handle_request(request, start_time, request_handler)
        finally:
            _release(request)
            if not self._connection.over:
                self._connection.settle(known=TENANT in request)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        for name, value in _HEADERS:
            resp.headers.setdefault(name, value)
        whole = request.content.is_eof()
        drained = not whole and TENANT in request and resp.status != web.HTTPRequestTimeout.status_code
        if not whole and not drained:
            resp.force_close()
        self._connection.allow(self._limits.seconds_for(resp.content_length or 0))
        finished = await super().finish_response(request, resp, start_time)
        _release(request)
        if drained:
            await _drop(request.content)
        elif not whole:
            await self._leave_unread()
        return finished

    async def _leave_unread(self) -> None:
        """End the answer and wait for it to be taken, without reading what the client still sends."""
        if self.transport is not None and self.transport.can_write_eof():
            self._pause_transport_reading()
            self.transport.write_eof()
            await asyncio.sleep(UNREAD_SECONDS)

    async def _refuse_version(self, request: web.BaseRequest) -> web.StreamResponse:
        return self.handle_error(request, 505, None, "Send HTTP/1.1.")

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("the answer is on its way already")
        if status == web.HTTPInternalServerError.status_code:
            logger.error("request.failed", exc_info=exc)
        else:
            self._refusals.count("requests.unreadable", type(exc).__name__ if exc is not None else str(status))
        response = respond(unreadable(status, (message or "").splitlines()[0] if message else ""))
        response.force_close()
        return response


def _release(request: web.BaseRequest) -> None:
    held = request.get(HELD)
    if held is not None:
        held.release()


async def _drop(content: StreamReader) -> None:
    """Drop the rest of a body; where it does not end in time the connection is closed."""
    with suppress(TimeoutError, BodyLostError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while not content.is_eof():
                await next_chunk(content)
