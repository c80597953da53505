"""The client credentials grant: what the token endpoint reads, and how it refuses (RFC 6749, 2.3.1, 4.4 and 5.2)."""

import base64
import contextlib
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollbook_gateway.admission.client_credentials import FORM, OAuthError, read_request
from rollbook_gateway.admission.tokens import Token

CLIENT = Token("client000000", "s-_" + "s" * 40)
GRANT = {"grant_type": "client_credentials"}
BODY = {**GRANT, "client_id": CLIENT.key_id, "client_secret": CLIENT.secret}


def form(values: dict[str, str]) -> bytes:
    return urlencode(values).encode()


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{quote(client_id)}:{quote(secret)}".encode()).decode()


def test_the_client_stands_in_the_body_or_in_the_header() -> None:
    """Either way it is the same client, and the scheme is known in any case."""
    assert read_request(FORM, form(BODY), None).client == CLIENT
    header = basic(CLIENT.key_id, CLIENT.secret)
    assert read_request(FORM, form(GRANT), header).client == CLIENT
    assert read_request(FORM, form(GRANT), header.replace("Basic", "basic")).client == CLIENT
    assert read_request(FORM, form({**GRANT, "client_id": CLIENT.key_id}), header).client == CLIENT


def test_scopes_are_asked_for_by_name_or_left_out() -> None:
    """An empty one counts as left out (RFC 6749, 3.2)."""
    assert read_request(FORM, form({**BODY, "scope": "users read"}), None).scopes == frozenset({"users", "read"})
    for body in (BODY, {**BODY, "scope": ""}, {**BODY, "scope": " "}, {**BODY, "resource": "x"}):
        assert read_request(FORM, form(body), None).scopes is None


@pytest.mark.parametrize(
    ("content_type", "body", "authorization", "error", "status"),
    [
        ("application/json", b"{}", None, "invalid_request", 400),
        (FORM, b"", None, "invalid_request", 400),
        (FORM, b"grant_type=", None, "invalid_request", 400),
        (FORM, b"\xff=x", None, "invalid_request", 400),
        (FORM, b"a=%ff", None, "invalid_request", 400),
        (FORM, form(BODY) + b"&scope=users&scope=groups", None, "invalid_request", 400),
        (FORM, b"&".join(b"p%d=1" % n for n in range(21)), None, "invalid_request", 400),
        (FORM, form({**BODY, "grant_type": "password"}), None, "unsupported_grant_type", 400),
        (FORM, form(BODY), basic(CLIENT.key_id, CLIENT.secret), "invalid_request", 400),
        (FORM, form({**GRANT, "client_id": "other"}), basic(CLIENT.key_id, CLIENT.secret), "invalid_request", 400),
        (FORM, form(GRANT), None, "invalid_client", 401),
        (FORM, form(GRANT), "Bearer x", "invalid_client", 401),
        (FORM, form({**GRANT, "client_id": CLIENT.key_id}), None, "invalid_client", 401),
        (FORM, form({**BODY, "client_secret": "short"}), None, "invalid_client", 401),
        (FORM, form(GRANT), "Basic ???", "invalid_client", 401),
        (FORM, form(GRANT), "Basic " + base64.b64encode(b"nocolon").decode(), "invalid_client", 401),
        (FORM, form(GRANT), "Basic " + base64.b64encode(b"\xff:\xff").decode(), "invalid_client", 401),
    ],
)
def test_other_requests_are_refused_in_oauths_words(
    content_type: str, body: bytes, authorization: str | None, error: str, status: int
) -> None:
    """With the codes of RFC 6749, 5.2; 401 only where the client is not known."""
    with pytest.raises(OAuthError) as refused:
        read_request(content_type, body, authorization)
    assert (refused.value.error, refused.value.status) == (error, status)
    assert refused.value.body.keys() == {"error", "error_description"}


@given(st.binary(max_size=200), st.none() | st.text(max_size=60))
def test_nothing_else_is_ever_raised(body: bytes, authorization: str | None) -> None:
    """Any bytes and any header are read or refused."""
    for sent in (body, b"grant_type=client_credentials&" + body):
        with contextlib.suppress(OAuthError):
            read_request(FORM, sent, authorization)
