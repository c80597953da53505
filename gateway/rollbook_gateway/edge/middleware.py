"""What happens around every request, outermost first: correlation and failures, admission, its body, its turn."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from rollbook_contracts.identifiers import new_id
from rollbook_gateway.admission.credentials import ExpiredError
from rollbook_gateway.admission.directory import TokenDirectory
from rollbook_gateway.admission.gate import Gate
from rollbook_gateway.admission.rate_limit import RateLimitedError, RateLimits
from rollbook_gateway.admission.scopes import allows
from rollbook_gateway.admission.tokens import bearer
from rollbook_gateway.decide.user import Tenant
from rollbook_gateway.edge import errors
from rollbook_gateway.edge.bodies import Bodies, check_encoding
from rollbook_gateway.edge.refusals import Refusals
from rollbook_gateway.requests.caller import Answer

REQUEST_ID: Final = web.RequestKey("request_id", str)
TENANT: Final = web.RequestKey("tenant", Tenant)
KEY_ID: Final = web.RequestKey("key_id", str)
TOKEN_ADDRESS: Final = "/scim/{tenant}/oauth/token"  # noqa: S105  # an address
CORRELATION_HEADER: Final = "X-Correlation-Id"
MEDIA_TYPE: Final = "application/scim+json"
_AT_ONCE: Final = 256 * 1024
"""Bytes of a long answer that are handed to the socket before others have their turn."""

logger = structlog.get_logger(__name__)


def respond(found: Answer) -> web.Response:
    """Turn an answer into aiohttp's response."""
    headers = dict(found.headers)
    body: bytes | AsyncIterator[bytes]
    if isinstance(found.body, bytes):
        body = found.body
    elif (size := sum(map(len, found.body))) <= _AT_ONCE:
        body = b"".join(found.body)
    else:
        body, headers["Content-Length"] = _each(found.body), str(size)
    response = web.Response(status=found.status, body=body or None, headers=headers)
    if found.body:
        response.headers["Content-Type"] = MEDIA_TYPE
    return response


async def _each(parts: Sequence[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        for start in range(0, len(part), _AT_ONCE):
            yield part[start : start + _AT_ONCE]
            await asyncio.sleep(0)


def correlating(refusals: Refusals) -> Middleware:
    """Return the middleware that gives each request its id, answers whatever it raises in SCIM's form, logs a line.

    What is asked without a token is counted in place of a line: else strangers could fill the disk.
    """

    @web.middleware
    async def correlate(request: web.Request, handler: Handler) -> web.StreamResponse:
        request_id = new_id("req")
        request[REQUEST_ID] = request_id
        started = time.perf_counter()
        try:
            response = await handler(request)
        except Exception as error:  # noqa: BLE001  # the rim: whatever is raised becomes an answer
            response = respond(_failed(error, request_id))
        response.headers[CORRELATION_HEADER] = request_id
        tenant = request.get(TENANT)
        if tenant is None:
            refusals.count("requests.without_token", str(response.status))
        log = logger.info if tenant is not None else logger.debug
        log(
            "request.answered",
            request_id=request_id,
            tenant=tenant.id if tenant else None,
            key_id=request.get(KEY_ID),
            method=request.method,
            route=request.match_info.route.resource.canonical if request.match_info.route.resource else None,
            status=response.status,
            ms=round((time.perf_counter() - started) * 1000, 2),
        )
        return response

    return correlate


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
        route = request.match_info.route
        address = route.resource.canonical if route.resource is not None else None
        if name is None or address == TOKEN_ADDRESS:
            return await handler(request)
        token = bearer(request.headers.get("Authorization"))
        try:
            admitted = await directory.admit(token, name) if token is not None else None
        except ExpiredError as error:
            return respond(errors.expired(error))
        if admitted is None:
            return respond(errors.unauthorized())
        request[TENANT] = admitted.tenant
        request[KEY_ID] = admitted.key_id
        if address is not None and not allows(admitted.scopes, request.method, address):
            return respond(errors.out_of_scope(admitted, request.method, address))
        return await handler(request)

    return admit


@web.middleware
async def unencoded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse encoded bodies at every address; behind admission, so that an organization finds it in its log."""
    check_encoding(request)
    return await handler(request)


def in_turn(limits: RateLimits, bodies: Bodies, gate: Gate) -> Middleware:
    """Return the middleware that has admitted requests wait for their tenant's limit, for their body, for a turn."""

    @web.middleware
    async def take_turn(request: web.Request, handler: Handler) -> web.StreamResponse:
        tenant = request.get(TENANT)
        if tenant is None:
            return await handler(request)
        try:
            await limits.pass_through(tenant)
        except RateLimitedError as error:
            return respond(errors.too_many_requests(error))
        await bodies.take(request, tenant.id)
        flow = (tenant.id, _is_search(request))
        if not gate.try_enter(flow):
            await gate.enter_in_turn(flow)
        try:
            response = await handler(request)
        finally:
            gate.leave(flow)
        bodies.count_answer(request, tenant.id, response.content_length or 0)
        return response

    return take_turn


def _is_search(request: web.Request) -> bool:
    """Say whether a request is a list: lists may wait for the tables, and nothing else must wait for them then."""
    return "id" not in request.match_info and (request.method == "GET" or request.path.endswith("/.search"))
