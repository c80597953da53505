"""The client credentials grant of OAuth 2.0 (RFC 6749, 4.4): its request, its errors, its answer; pure."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus

from rollbook_gateway.admission.credentials import Credential
from rollbook_gateway.admission.scopes import SCOPES, Scope
from rollbook_gateway.admission.tokens import Token, parse_token

FORM: Final = "application/x-www-form-urlencoded"
GRANT: Final = "client_credentials"
_MAX_PARAMETERS: Final = 20


class OAuthError(Exception):
    """A refusal of the token endpoint (RFC 6749, 5.2); ``status`` is 400, or 401 for a client that is not known."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.status = status

    @property
    def body(self) -> dict[str, str]:
        """The JSON that is answered."""
        return {"error": self.error, "error_description": self.description}


def invalid_client() -> OAuthError:
    """Return the refusal of a client: one for every reason, also where there is no such tenant."""
    return OAuthError(
        "invalid_client",
        "This is no client id and secret of this address. Paste both as they were issued together with it.",
        401,
    )


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What was asked for: the client by its id and secret, and the scopes, ``None`` for all that it has."""

    client: Token
    scopes: frozenset[str] | None


def read_request(content_type: str, body: bytes, authorization: str | None) -> TokenRequest:
    """Read a request to the token endpoint; raises ``OAuthError``. Nothing here depends on whether anybody exists."""
    if content_type != FORM:
        raise OAuthError("invalid_request", f"The body must be {FORM}.")
    form = _parameters(body)
    grant = form.get("grant_type")
    if grant is None:
        raise OAuthError("invalid_request", f"grant_type is missing; it must be {GRANT}.")
    if grant != GRANT:
        raise OAuthError("unsupported_grant_type", f"grant_type must be {GRANT}.")
    client_id, secret = _client(form, authorization)
    client = parse_token(f"rb_{client_id}_{secret}")
    if client is None:
        raise invalid_client()
    scope = form.get("scope")
    return TokenRequest(client, frozenset(scope.split()) if scope and scope.strip() else None)


def scopes_granted(asked: frozenset[str] | None, credential: Credential) -> frozenset[Scope]:
    """Return what an access token may do; raises ``OAuthError`` where more is asked for than the client has."""
    has = credential.admitted.scopes
    if asked is None:
        return has
    granted = frozenset(scope for scope in has if scope in asked)
    if granted != asked:
        raise OAuthError(
            "invalid_scope", f"This client has the scopes: {_named(has)}. Leave scope out for all of them."
        )
    return granted


def answer_body(access_token: Token, scopes: frozenset[Scope], seconds: int) -> Mapping[str, Any]:
    """Return the JSON of a success (RFC 6749, 5.1)."""
    return {
        "access_token": str(access_token),
        "token_type": "Bearer",
        "expires_in": seconds,
        "scope": _named(scopes),
    }


def _named(scopes: frozenset[Scope]) -> str:
    return " ".join(scope for scope in SCOPES if scope in scopes)


def _parameters(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS)
    except ValueError as error:
        raise OAuthError("invalid_request", "The body cannot be read as a form.") from error
    form = dict(pairs)
    if len(form) != len(pairs):
        raise OAuthError("invalid_request", "A parameter stands in the body twice.")
    # RFC 6749, 3.2: parameters sent without a value are treated as if they were left out.
    return {name: value for name, value in form.items() if value}


def _client(form: Mapping[str, str], authorization: str | None) -> tuple[str, str]:
    """Return client id and secret from HTTP Basic or from the body (RFC 6749, 2.3.1), never from both."""
    scheme, _, encoded = (authorization or "").strip().partition(" ")
    if scheme.lower() != "basic":
        if "client_id" in form and "client_secret" in form:
            return form["client_id"], form["client_secret"]
        raise OAuthError(
            "invalid_client",
            "Client id and secret are missing: send them by HTTP Basic, or as client_id and client_secret in the body.",
            401,
        )
    try:
        client_id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode("ascii").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise invalid_client() from None
    client_id, secret = unquote_plus(client_id), unquote_plus(secret)
    if "client_secret" in form or form.get("client_id", client_id) != client_id:
        raise OAuthError("invalid_request", "The client authenticates twice: by HTTP Basic and in the body. Use one.")
    if not colon:
        raise invalid_client()
    return client_id, secret
