"""Tokens: their form, and what of them is kept."""

import pytest

from rollbook_gateway.admission.tokens import bearer, new_token, parse_token


def test_a_token_reads_back_and_matches_only_its_own_hash() -> None:
    """What is printed is what is parsed, and the hash at rest knows it from another."""
    token, other = new_token(), new_token()
    assert parse_token(str(token)) == token
    assert token.matches(token.secret_sha256)
    assert not token.matches(other.secret_sha256)


def test_the_secret_is_not_shown_by_accident() -> None:
    """A token in a log line or a traceback shows its key id alone."""
    token = new_token()
    assert token.secret not in repr(token)
    assert token.key_id in repr(token)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_known_in_any_case(scheme: str) -> None:
    """RFC 9110: authentication schemes are compared without case."""
    token = new_token()
    assert bearer(f"{scheme} {token}") == token


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer rb_short_x", "Bearer a b c"])
def test_anything_else_is_no_token(header: str | None) -> None:
    """Missing and malformed headers name nobody."""
    assert bearer(header) is None
