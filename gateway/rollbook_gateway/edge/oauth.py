"""The token endpoint of OAuth 2.0, ``POST /scim/<tenant>/oauth/token``: access tokens for clients of one tenant."""

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec
from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError

from rollbook_gateway.admission.client_credentials import (
    OAuthError,
    answer_body,
    invalid_client,
    read_request,
    scopes_granted,
)
from rollbook_gateway.admission.directory import DirectoryUnavailableError, TokenDirectory
from rollbook_gateway.edge.bodies import BodyLostError, invite
from rollbook_gateway.edge.errors import RETRY_AFTER
from rollbook_gateway.edge.middleware import KEY_ID, TENANT, TOKEN_ADDRESS

MAX_FORM_BYTES: Final = 8192
READ_SECONDS: Final = 10.0
_NOT_STORED: Final = MappingProxyType({"Cache-Control": "no-store", "Pragma": "no-cache"})


class TokenEndpoint:
    """Answers in the forms of RFC 6749, errors too; ``unix_time`` is what access tokens end by."""

    def __init__(self, directory: TokenDirectory, unix_time: Callable[[], float]) -> None:
        self._directory = directory
        self._unix_time = unix_time

    def add_to(self, app: web.Application) -> None:
        """Register the address, for every method: a wrong one is answered in OAuth's form as well."""
        app.router.add_route("*", TOKEN_ADDRESS, self.issue)

    async def issue(self, request: web.Request) -> web.Response:
        """Issue an access token, or say why not."""
        if request.method != "POST":
            wrong = OAuthError("invalid_request", "Access tokens are asked for by POST.", 405)
            return _json(405, wrong.body, {"Allow": "POST"})
        try:
            return _json(200, await self._issue(request))
        except OAuthError as error:
            challenge = {"WWW-Authenticate": 'Basic realm="rollbook"'} if error.status == 401 else {}
            return _json(error.status, error.body, challenge)
        except DirectoryUnavailableError:
            away = OAuthError("temporarily_unavailable", "The database does not answer at present. Ask again.")
            return _json(503, away.body, RETRY_AFTER)

    async def _issue(self, request: web.Request) -> Mapping[str, Any]:
        body = await _form(request)
        asked = read_request(request.content_type, body, request.headers.get("Authorization"))
        client = await self._directory.client(asked.client, request.match_info["tenant"])
        if client is None:
            raise invalid_client()
        request[TENANT] = client.admitted.tenant
        request[KEY_ID] = client.admitted.key_id
        scopes = scopes_granted(asked.scopes, client)
        now = self._unix_time()
        access_token, ends_at = client.access_token(scopes, now)
        return answer_body(access_token, scopes, max(0, ends_at - int(now)))


async def _form(request: web.Request) -> bytes:
    await invite(request)
    try:
        async with asyncio.timeout(READ_SECONDS):
            await request.content.readexactly(MAX_FORM_BYTES + 1)
    except asyncio.IncompleteReadError as whole:
        return whole.partial
    except (ConnectionError, RequestPayloadError) as error:
        raise BodyLostError from error
    except TimeoutError:
        raise OAuthError("invalid_request", f"The body did not come within {READ_SECONDS:.0f} s.", 408) from None
    raise OAuthError("invalid_request", f"The body is longer than {MAX_FORM_BYTES} bytes.", 413)


def _json(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status,
        body=msgspec.json.encode(body),
        content_type="application/json",
        headers={**_NOT_STORED, **(headers or {})},
    )
