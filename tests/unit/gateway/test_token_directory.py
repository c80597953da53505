"""The directory of tokens: what it asks PostgreSQL, and what it does while that fails in the middle of an answer."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import msgspec
import pytest

from rollbook_contracts.settings import TenantSettings
from rollbook_gateway.admission.directory import FRESH_SECONDS, DirectoryUnavailableError, TokenDirectory
from rollbook_gateway.admission.tokens import Token

TOKEN = Token("aaaaaaaaaaaa", "s" * 43)


class Postgres:
    """A pool of one connection, which breaks on demand."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.terminated = 0
        self.revoked: set[str] = set()
        self.asked: list[str] = []

    async def acquire(self, **_: float) -> "Postgres":
        return self

    async def release(self, _: "Postgres") -> None:
        """Take it back."""

    def terminate(self) -> None:
        self.terminated += 1

    async def fetchrow(self, _query: str, key: str, **_: float) -> dict[str, Any]:
        self.asked.append(key)
        if self.error is not None:
            raise self.error
        return {
            "key_id": key,
            "kind": "token",
            "secret_sha256": TOKEN.secret_sha256,
            "scopes": ["users", "groups"],
            "expires_at": None,
            "revoked": key in self.revoked,
            "tenant": "ten_a",
            "name": "acme",
            "enabled": True,
            "settings": msgspec.json.encode(TenantSettings()).decode(),
            "fact_seq": 1,
        }


def directory_on(postgres: Postgres, clock: Callable[[], float] = lambda: 0.0) -> TokenDirectory:
    return TokenDirectory(postgres, 4, clock, unix_time=lambda: 1_000_000.0, access_key=b"k" * 32)


BROKEN = [
    asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is in progress"),
    asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
    TimeoutError(),
]


@pytest.mark.parametrize("error", BROKEN, ids=lambda error: type(error).__name__)
async def test_a_known_token_is_admitted_while_postgresql_fails(error: Exception) -> None:
    """However the connection breaks, what is known serves on, and nobody else gets that connection."""
    postgres, now = Postgres(), 0.0
    directory = directory_on(postgres, lambda: now)
    assert await directory.admit(TOKEN, "acme") is not None
    postgres.error, now = error, FRESH_SECONDS + 1

    assert await directory.admit(TOKEN, "acme") is not None
    assert postgres.terminated == 1


async def test_a_token_never_seen_is_no_wrong_token_while_postgresql_fails() -> None:
    """Nobody can say whose it is: that is not the same as saying that it is nobody's."""
    postgres = Postgres()
    postgres.error = BROKEN[0]

    with pytest.raises(DirectoryUnavailableError):
        await directory_on(postgres).admit(TOKEN, "acme")


async def test_where_a_new_token_is_admitted_the_tenants_others_are_asked_for_again() -> None:
    """After `token regenerate` no gateway admits the new token and still the old one, whether it was told or not."""
    postgres = Postgres()
    directory = directory_on(postgres)
    old, new = TOKEN, Token("bbbbbbbbbbbb", TOKEN.secret)
    assert await directory.admit(old, "acme") is not None
    postgres.revoked.add(old.key_id)
    assert await directory.admit(old, "acme") is not None

    assert await directory.admit(new, "acme") is not None
    assert await directory.admit(old, "acme") is None


async def test_a_thousand_first_requests_ask_once() -> None:
    """They share one question, and its answer is believed afterwards."""
    postgres = Postgres()
    directory = directory_on(postgres)

    await asyncio.gather(*(directory.admit(TOKEN, "acme") for _ in range(1000)))
    await directory.admit(TOKEN, "acme")
    assert postgres.asked == [TOKEN.key_id]


async def test_what_was_used_is_handed_over_once() -> None:
    """Only admitted requests count as use."""
    directory = directory_on(Postgres())
    await directory.admit(TOKEN, "acme")
    await directory.admit(TOKEN, "acme")
    await directory.admit(TOKEN, "other")
    await directory.admit(Token("cccccccccccc", "x" * 43), "acme")

    assert directory.take_used() == {TOKEN.key_id: 1_000_000.0}
    assert directory.take_used() == {}
