"""OAuth access tokens: signed, bound to their client, and good for nothing once a byte of them is changed."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollbook_contracts.settings import TenantSettings
from rollbook_gateway.admission.access_tokens import ClientKey, Grant
from rollbook_gateway.admission.credentials import Admitted, Credential, ExpiredError
from rollbook_gateway.admission.scopes import SCOPES, Scope
from rollbook_gateway.admission.tokens import Token, new_token, parse_token
from rollbook_gateway.decide.user import Tenant

DEPLOYMENT = bytes(range(32))
CLIENT = Token("client000000", "s" * 43)
KEY = ClientKey.of(DEPLOYMENT, CLIENT.key_id, CLIENT.secret_sha256)
TENANT = Tenant("ten_0000000000000000000000000a", "acme", 0, TenantSettings())
NOW = 1_800_000_000.0

scopes = st.frozensets(st.sampled_from(SCOPES))
ends = st.integers(min_value=0, max_value=2**40 - 1)


def client(expires_at: float | None = None, *, counts: bool = True) -> Credential:
    admitted = Admitted(TENANT, CLIENT.key_id, frozenset({"users", "groups"}))
    return Credential(admitted, CLIENT.secret_sha256, counts, expires_at, KEY)


@given(ends, scopes)
def test_what_is_signed_is_read_as_it_was(ends_at: int, granted: frozenset[Scope]) -> None:
    """The token has the form of any token, and says just what was granted."""
    grant = Grant(ends_at, granted)
    token = KEY.sign(CLIENT.key_id, grant)
    assert parse_token(str(token)) == token
    assert KEY.read(token) == grant


@given(ends, scopes, st.integers(0, 31), st.integers(1, 255))
def test_a_changed_byte_makes_it_nobodys(ends_at: int, granted: frozenset[Scope], place: int, change: int) -> None:
    """Neither its end nor its scopes can be made more than what was granted."""
    signed = bytearray(base64.urlsafe_b64decode(KEY.sign(CLIENT.key_id, Grant(ends_at, granted)).secret + "="))
    signed[place] ^= change
    forged = Token(CLIENT.key_id, base64.urlsafe_b64encode(signed).decode().rstrip("="))
    assert KEY.read(forged) is None


def test_another_client_another_secret_or_another_deployment_makes_other_tokens() -> None:
    """What the database holds alone, or the deployment's key alone, signs nothing."""
    token = KEY.sign(CLIENT.key_id, Grant(2**33, frozenset({"users"})))
    for key in (
        ClientKey.of(DEPLOYMENT, "client000001", CLIENT.secret_sha256),
        ClientKey.of(DEPLOYMENT, CLIENT.key_id, new_token().secret_sha256),
        ClientKey.of(bytes(32), CLIENT.key_id, CLIENT.secret_sha256),
    ):
        assert key.read(token) is None


def test_an_access_token_admits_for_an_hour() -> None:
    """And with the scopes that it was issued with."""
    token, ends_at = client().access_token(frozenset({"users"}), NOW)
    assert ends_at == NOW + 3600
    admitted = client().admits(token, NOW + 3599)
    assert admitted is not None
    assert (admitted.tenant, admitted.key_id, admitted.scopes) == (TENANT, CLIENT.key_id, frozenset({"users"}))
    with pytest.raises(ExpiredError, match="access token"):
        client().admits(token, NOW + 3600)


def test_an_access_token_ends_with_its_client() -> None:
    """It never outlives the client, and one that was stopped takes its access tokens along."""
    token, ends_at = client(expires_at=NOW + 60).access_token(frozenset({"users"}), NOW)
    assert ends_at == NOW + 60
    assert client(counts=False).admits(token, NOW) is None
    with pytest.raises(ExpiredError, match="OAuth client"):
        client(expires_at=NOW + 1).admits(token, NOW + 2)


def test_a_clients_secret_is_no_token_and_a_token_no_clients_secret() -> None:
    """Each opens its own door only."""
    assert client().admits(CLIENT, NOW) is None
    assert client().authenticates(CLIENT, NOW)
    plain = Credential(client().admitted, CLIENT.secret_sha256, counts=True)
    assert plain.admits(CLIENT, NOW) is not None
    assert not plain.authenticates(CLIENT, NOW)


@pytest.mark.parametrize("expires_at", [NOW - 1, NOW])
def test_a_token_ends_when_it_was_to(expires_at: float) -> None:
    """Whoever presents the right one is told; with a wrong secret nobody learns that it ever was."""
    ended = Credential(client().admitted, CLIENT.secret_sha256, counts=True, expires_at=expires_at)
    with pytest.raises(ExpiredError):
        ended.admits(CLIENT, NOW)
    assert ended.admits(Token(CLIENT.key_id, "x" * 43), NOW) is None
    assert not client(expires_at).authenticates(CLIENT, NOW)


def test_no_secret_is_shown_by_accident() -> None:
    """Neither a hash nor a key stands in what a traceback would print."""
    assert KEY.secret.hex() not in repr(client())
    assert repr(CLIENT.secret_sha256) not in repr(client())
    assert repr(KEY.secret) not in repr(client())
