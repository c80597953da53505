"""The runner that serves the application and answers in SCIM's form even what aiohttp cannot read as a request."""

from collections.abc import Callable
from typing import Any

import structlog
from aiohttp import web
from aiohttp.http import RawRequestMessage
from aiohttp.web_protocol import RequestHandler
from yarl import URL

from rollbook_gateway.dialect.tenant_url import clean_target
from rollbook_gateway.edge.errors import unreadable
from rollbook_gateway.edge.middleware import respond
from rollbook_gateway.edge.recording import SENT_TARGET
from rollbook_gateway.scim.limits import LINE_BYTES

logger = structlog.get_logger(__name__)


class GatewayRunner(web.AppRunner):
    """aiohttp's runner with request handlers of our own."""

    def __init__(self, app: web.Application, *, shutdown_timeout: float) -> None:
        super().__init__(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=shutdown_timeout,
            max_line_size=LINE_BYTES,
            max_field_size=LINE_BYTES,
        )

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        factory = _of_clean_targets(server.request_factory)
        return _Server(server.request_handler, request_factory=factory, **self._kwargs)


def _of_clean_targets(factory: Callable[..., web.BaseRequest]) -> Callable[..., web.BaseRequest]:
    """Return a factory of requests that stand at the address that the provider means, and know what was sent."""

    def make(message: RawRequestMessage, *parts: Any) -> web.BaseRequest:
        target = clean_target(message.path)
        if target == message.path:
            return factory(message, *parts)
        path, _, query = target.partition("?")
        url = URL.build(path=path, query_string=query, encoded=True)
        request = factory(message._replace(path=target, url=url), *parts)
        request[SENT_TARGET] = message.path
        return request

    return make


class _Server(web.Server):
    def __call__(self) -> RequestHandler:
        return _RequestHandler(self, loop=self._loop, **self._kwargs)


class _RequestHandler(RequestHandler):
    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("the answer is on its way already")
        logger.info("request.unreadable", status=status, reason=type(exc).__name__)
        response = respond(unreadable(status, (message or "").splitlines()[0] if message else ""))
        response.force_close()
        return response
