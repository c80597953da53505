"""Claims: one hash for each tenant, attribute and value, the same for ever."""

import base64
import hashlib
import hmac

import pytest

from rollbook_contracts.claims import ClaimKey

KEY = ClaimKey(bytes(range(32)))
ADA = "ada@contoso.com"


@pytest.mark.parametrize(
    ("tenant", "attribute", "value", "digest"),
    [
        ("ten_a", "userName", ADA, "qnncn56x4lj4i3fs44bng2tf6a"),
        ("ten_a", "identifier", ADA, "r2n6ikl3sdvznvatqjaslzqupa"),
        ("ten_b", "userName", ADA, "5gbpiyulc7dmv7buynoziyw4sm"),
    ],
)
def test_digest_stays_what_it_was(tenant: str, attribute: str, value: str, digest: str) -> None:
    """Claims are never rehashed: tenant, attribute and value give the hash that stands in the log."""
    assert KEY.digest(tenant, attribute, value) == digest


def test_digest_is_half_of_an_hmac_in_base32() -> None:
    """The hash can be computed from its description alone."""
    message = f"ten_a\0userName\0{ADA}".encode()
    expected = base64.b32encode(hmac.new(KEY.secret, message, hashlib.sha256).digest()[:16]).decode()

    assert KEY.digest("ten_a", "userName", ADA) == expected.rstrip("=").lower()
    assert len(KEY.digest("ten_a", "userName", "")) == 26


def test_parts_are_kept_apart() -> None:
    """What stands at the end of one part cannot be moved to the beginning of the next."""
    assert KEY.digest("ten_a", "userName", "x") != KEY.digest("ten_au", "serName", "x")


def test_another_key_makes_other_hashes() -> None:
    """Without the deployment's key nobody can tell which value a hash stands for."""
    other = ClaimKey(bytes(32))

    assert other.digest("ten_a", "userName", ADA) != KEY.digest("ten_a", "userName", ADA)
    assert other.fingerprint != KEY.fingerprint


def test_fingerprint_is_kept_and_the_secret_is_never_shown() -> None:
    """The streams record the fingerprint; neither it nor the key's text gives the secret away."""
    assert KEY.fingerprint == "8f2113729f32beba"
    assert repr(KEY) == f"{KEY}" == "ClaimKey(fingerprint='8f2113729f32beba')"
