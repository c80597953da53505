"""Makes an entry of the provisioning log of each answer: the outermost thing around a request, after it is answered."""

import time
from collections.abc import Callable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from rollbook_gateway.edge.middleware import KEY_ID, REQUEST_ID, TENANT, tenant_name
from rollbook_gateway.provisioning_log.draft import Draft
from rollbook_gateway.provisioning_log.entry import Arrived, entry
from rollbook_gateway.provisioning_log.provider import Providers
from rollbook_gateway.provisioning_log.reporter import Reporter

DRAFT: Final = web.RequestKey("draft", Draft)
SENT_TARGET: Final = web.RequestKey("sent_target", str)
"""The address as it was sent, where it was sent otherwise than it is meant."""


def recording(reporter: Reporter, now: Callable[[], str]) -> Middleware:
    """Return the middleware that reports requests to tenants' addresses; ``now`` returns the time as RFC 3339."""
    providers = Providers()

    @web.middleware
    async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
        if tenant_name(request.path) is None:
            return await handler(request)
        came, started = now(), time.perf_counter()
        draft = request[DRAFT] = Draft()
        response = await handler(request)
        if TENANT in request:
            reporter.record(
                entry(
                    _arrived(request, came, draft, providers),
                    draft,
                    status=response.status,
                    error_body=_error_body(response),
                    milliseconds=round((time.perf_counter() - started) * 1000, 2),
                )
            )
        elif response.status >= 400:
            reporter.count_unadmitted()
        return response

    return record


def _arrived(request: web.Request, came: str, draft: Draft, providers: Providers) -> Arrived:
    key_id = request[KEY_ID]
    target = request.get(SENT_TARGET) or request.raw_path
    provider = providers.of(key_id, agent=request.headers.get("User-Agent"), target=target, message=draft.message)
    behind = request.path.split("/", 4)[4:]  # the Tenant URL, which is /scim/<name>/v2
    path = f"/{behind[0]}" if behind else ""
    return Arrived(request[REQUEST_ID], came, request[TENANT].id, key_id, provider, request.method, path)


def _error_body(response: web.StreamResponse) -> bytes:
    if response.status >= 400 and isinstance(response, web.Response) and isinstance(response.body, bytes):
        return response.body
    return b""
