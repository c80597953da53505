"""The directory of tokens while PostgreSQL fails in the middle of an answer."""

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

    async def acquire(self, **_: float) -> "Postgres":
        return self

    async def release(self, _: "Postgres") -> None:
        """Take it back."""

    def terminate(self) -> None:
        self.terminated += 1

    async def fetchrow(self, _query: str, _key: str, **_: float) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        return {
            "secret_sha256": TOKEN.secret_sha256,
            "revoked": False,
            "tenant": "ten_a",
            "name": "acme",
            "enabled": True,
            "settings": msgspec.json.encode(TenantSettings()).decode(),
            "fact_seq": 1,
        }


BROKEN = [
    asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is in progress"),
    asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
    TimeoutError(),
]


@pytest.mark.parametrize("error", BROKEN, ids=lambda error: type(error).__name__)
async def test_a_known_token_is_admitted_while_postgresql_fails(error: Exception) -> None:
    """However the connection breaks, what is known serves on, and nobody else gets that connection."""
    postgres, now = Postgres(), 0.0
    directory = TokenDirectory(postgres, 4, lambda: now)
    assert await directory.admit(TOKEN, "acme") is not None
    postgres.error, now = error, FRESH_SECONDS + 1

    assert await directory.admit(TOKEN, "acme") is not None
    assert postgres.terminated == 1


async def test_a_token_never_seen_is_no_wrong_token_while_postgresql_fails() -> None:
    """Nobody can say whose it is: that is not the same as saying that it is nobody's."""
    postgres = Postgres()
    postgres.error = BROKEN[0]

    with pytest.raises(DirectoryUnavailableError):
        await TokenDirectory(postgres, 4, lambda: 0.0).admit(TOKEN, "acme")
