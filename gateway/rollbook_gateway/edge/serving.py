"""The runner that serves the application and answers in SCIM's form even what aiohttp cannot read as a request."""

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from rollbook_gateway.edge.errors import unreadable
from rollbook_gateway.edge.middleware import respond

logger = structlog.get_logger(__name__)


class GatewayRunner(web.AppRunner):
    """aiohttp's runner with request handlers of our own."""

    def __init__(self, app: web.Application, *, shutdown_timeout: float) -> None:
        super().__init__(app, access_log=None, handle_signals=False, shutdown_timeout=shutdown_timeout)

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        return _Server(server.request_handler, request_factory=server.request_factory, **self._kwargs)


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
