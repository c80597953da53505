"""From what a request may raise to an HTTP status, a SCIM Error body and headers; the only place that knows both."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from aiohttp import web

from rollbook_gateway.admission.bytes_in_hand import NoRoomError
from rollbook_gateway.admission.credentials import Admitted, ExpiredError
from rollbook_gateway.admission.directory import DirectoryUnavailableError
from rollbook_gateway.admission.rate_limit import RateLimitedError
from rollbook_gateway.admission.scopes import SCOPES, scopes_for
from rollbook_gateway.edge.bodies import BodyLostError
from rollbook_gateway.intake.bodies import UnreadError
from rollbook_gateway.log.identity import LogRegressedError
from rollbook_gateway.log.port import LogError, TooLargeError
from rollbook_gateway.requests.caller import Answer, answer
from rollbook_gateway.scim.errors import ErrorKind, ScimError
from rollbook_gateway.scim.rendering import error_body
from rollbook_gateway.search.errors import SearchUnavailableError, StaleError

RETRY_AFTER: Final = MappingProxyType({"Retry-After": "1"})
"""Whole seconds: Okta takes a date, or none, for five minutes."""

STATUS: Final = MappingProxyType(
    {
        ErrorKind.INVALID_FILTER: 400,
        ErrorKind.INVALID_PATH: 400,
        ErrorKind.INVALID_SYNTAX: 400,
        ErrorKind.INVALID_VALUE: 400,
        ErrorKind.MUTABILITY: 400,
        ErrorKind.NO_TARGET: 400,
        ErrorKind.TOO_MANY: 400,
        ErrorKind.UNIQUENESS: 409,
        ErrorKind.NOT_FOUND: 404,
        ErrorKind.PRECONDITION_FAILED: 412,
        ErrorKind.PAYLOAD_TOO_LARGE: 413,
    },
)
_WITHOUT_SCIM_TYPE: Final = frozenset({404, 412, 413})

_HTTP_DETAILS: Final = MappingProxyType(
    {
        404: "There is nothing at this address. The Tenant URL ends in /v2; behind it come /Users, /Groups, /Schemas, "
        "/ResourceTypes and /ServiceProviderConfig.",
        413: "The body is larger than 1 MiB, which is the limit for a user.",
    },
)

_OUTAGES: Final[Mapping[type[Exception], str]] = MappingProxyType(
    {
        LogRegressedError: "The log was put back or replaced: nothing is stored or read until an operator has dealt "
        "with it. Repeat the request.",
        LogError: "The log gave no answer in time: a write may or may not be stored. Repeat the request; nothing is "
        "stored twice.",
        StaleError: "The latest writes are not visible to searches yet. Repeat the request.",
        SearchUnavailableError: "The database does not answer at present. Repeat the request.",
        DirectoryUnavailableError: "The database does not answer at present. Repeat the request.",
        NoRoomError: "Too many bytes of this organization, or of all, are under way here; nothing was stored. Repeat "
        "the request when fewer large ones are.",
        UnreadError: "The body could not be read at present; nothing was stored. Repeat the request.",
    },
)


def failure(error: Exception) -> Answer | None:
    """Return the answer to a refusal or an outage; ``None`` for an error that nobody foresaw."""
    if isinstance(error, TooLargeError):
        error = ScimError(ErrorKind.PAYLOAD_TOO_LARGE, _HTTP_DETAILS[413])
    if isinstance(error, ScimError):
        status = STATUS[error.kind]
        scim_type = None if status in _WITHOUT_SCIM_TYPE else error.kind.value
        return answer(status, error_body(status, error.detail, scim_type))
    if isinstance(error, BodyLostError):
        return answer(400, error_body(400, "The body ended before it was whole; nothing was stored."))
    if isinstance(error, web.HTTPException):
        return http_failure(error)
    return next((unavailable(detail) for outage, detail in _OUTAGES.items() if isinstance(error, outage)), None)


def http_failure(error: web.HTTPException) -> Answer:
    """Return the SCIM form of an answer that aiohttp makes by itself, such as 404, 405 and 413."""
    detail = _HTTP_DETAILS.get(error.status, error.reason)
    headers = {}
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        detail = f"{error.method} is not possible here. Possible: {allowed}."
        headers["Allow"] = allowed
    return answer(error.status, error_body(error.status, detail), headers)


def unavailable(detail: str) -> Answer:
    """Return 503 with the seconds after which to come back."""
    return answer(503, error_body(503, detail), RETRY_AFTER)


def unauthorized() -> Answer:
    """Return 401 (RFC 6750, 3): the same for every reason, so that it tells nobody which one."""
    detail = (
        "The request carries no valid token for this Tenant URL. Paste the secret token that was issued with this "
        "Tenant URL into the identity provider."
    )
    return answer(401, error_body(401, detail), {"WWW-Authenticate": "Bearer"})


def expired(error: ExpiredError) -> Answer:
    """Return 401 for the right token after its time: whoever holds its secret may know."""
    detail = (
        f"The {error.what} presented has ended at {error.ended_at:%Y-%m-%dT%H:%M:%SZ}. Have another issued and paste "
        "it into the identity provider; an access token is asked for again."
    )
    challenge = f'Bearer error="invalid_token", error_description="The {error.what} expired"'
    return answer(401, error_body(401, detail), {"WWW-Authenticate": challenge})


def out_of_scope(admitted: Admitted, method: str, address: str) -> Answer:
    """Return 403 (RFC 6750, 3.1) that names the scope which the token lacks, and how to get one that has it."""
    wanted = [scope for scope in SCOPES if scope in (scopes_for(method, address) or ())] or ["users", "groups"]
    has = [scope for scope in SCOPES if scope in admitted.scopes]
    options = " ".join(f"--scope {scope}" for scope in dict.fromkeys((*has, wanted[0])))
    detail = (
        f"This token has the scope {' and '.join(has)}, and {method} here asks for {' or '.join(wanted)}. Issue one "
        f"with `rollbook token issue --tenant {admitted.tenant.name} {options}` and give it to the identity provider."
    )
    challenge = f'Bearer error="insufficient_scope", scope="{wanted[0]}"'
    return answer(403, error_body(403, detail), {"WWW-Authenticate": challenge})


def too_many_requests(error: RateLimitedError) -> Answer:
    """Return 429 (RFC 6585, 4) with the seconds after which to come back."""
    limit = error.limit
    detail = (
        f"This organization may send {limit.requests_per_second} requests per second, {limit.burst} at once; this one "
        f"waited two seconds in vain. Send it again in {error.retry_after} s."
    )
    return answer(429, error_body(429, detail), {"Retry-After": str(error.retry_after)})


def unreadable(status: int, reason: str) -> Answer:
    """Return the answer to what is no HTTP request, such as a line that is too long."""
    detail = f"This cannot be read as an HTTP request. {reason[:200]}".strip()
    return answer(status, error_body(status, detail))


def unexpected(request_id: str) -> Answer:
    """Return 500 with the correlation id and nothing else: the log has the rest."""
    return answer(500, error_body(500, f"An unexpected error. Correlation id: {request_id}"))
