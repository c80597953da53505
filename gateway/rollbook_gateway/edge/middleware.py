"""What happens around every request, outermost first: correlation and failures, then admission."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from rollbook_contracts.identifiers import new_id
from rollbook_gateway.admission.directory import TokenDirectory
from rollbook_gateway.admission.tokens import bearer
from rollbook_gateway.decide.user import Tenant
from rollbook_gateway.edge import errors
from rollbook_gateway.requests.caller import Answer

REQUEST_ID: Final = web.RequestKey("request_id", str)
TENANT: Final = web.RequestKey("tenant", Tenant)
KEY_ID: Final = web.RequestKey("key_id", str)
CORRELATION_HEADER: Final = "X-Correlation-Id"
MEDIA_TYPE: Final = "application/scim+json"
_AT_ONCE: Final = 256 * 1024
"""Bytes of a long answer that are handed to the socket before others have their turn."""

logger = structlog.get_logger(__name__)


def respond(found: Answer) -> web.Response:
    """Turn an answer into aiohttp's response."""
    body = found.body if isinstance(found.body, bytes) else _each(found.body)
    response = web.Response(status=found.status, body=body or None, headers=dict(found.headers))
    if found.body:
        response.headers["Content-Type"] = MEDIA_TYPE
    return response


async def _each(parts: Sequence[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        for start in range(0, len(part), _AT_ONCE):
            yield part[start : start + _AT_ONCE]
            await asyncio.sleep(0)


@web.middleware
async def correlate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request its id, answer whatever it raises in SCIM's form, log one line."""
    request_id = new_id("req")
    request[REQUEST_ID] = request_id
    started = time.perf_counter()
    try:
        response = await handler(request)
    except Exception as error:  # noqa: BLE001  # the rim: whatever is raised becomes an answer
        response = respond(_failed(error, request_id))
    response.headers[CORRELATION_HEADER] = request_id
    tenant = request.get(TENANT)
    logger.info(
        "request.answered",
        request_id=request_id,
        tenant=tenant.id if tenant else None,
        method=request.method,
        route=request.match_info.route.resource.canonical if request.match_info.route.resource else None,
        status=response.status,
        ms=round((time.perf_counter() - started) * 1000, 2),
    )
    return response


def _failed(error: Exception, request_id: str) -> Answer:
    found = errors.failure(error)
    if found is not None:
        return found
    logger.error("request.failed", request_id=request_id, exc_info=error)
    return errors.unexpected(request_id)


def tenant_name(path: str) -> str | None:
    """Return the tenant that a path is about, known address or not, so that nothing below it is told to strangers."""
    match path.split("/"):
        case ["", "scim", name, *_]:
            return name
        case ["", "scim"]:
            return ""
    return None


def admitting(directory: TokenDirectory) -> Middleware:
    """Return the middleware that lets a request to a tenant's address pass only with a token of that tenant."""

    @web.middleware
    async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
        name = tenant_name(request.path)
        if name is None:
            return await handler(request)
        token = bearer(request.headers.get("Authorization"))
        tenant = await directory.admit(token, name) if token is not None else None
        if tenant is None or token is None:
            return respond(errors.unauthorized())
        request[TENANT] = tenant
        request[KEY_ID] = token.key_id
        return await handler(request)

    return admit
