"""The directory of tokens: what it asks PostgreSQL, and what it does while that fails in the middle of an answer."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg
import msgspec
import pytest

from rollbook_contracts.settings import TenantSettings
from rollbook_gateway.admission.credentials import Admitted
from rollbook_gateway.admission.directory import (
    FRESH_SECONDS,
    UNKNOWN_SECONDS,
    DirectoryUnavailableError,
    TokenDirectory,
)
from rollbook_gateway.admission.lookup import MOST_ASKED
from rollbook_gateway.admission.tokens import Token

TOKEN = Token("aaaaaaaaaaaa", "s" * 43)


class Postgres:
    """A pool of one connection, which breaks on demand."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.terminated = 0
        self.revoked: set[str] = set()
        self.unknown: set[str] = set()
        self.broken: set[str] = set()
        self.asked: list[list[str]] = []
        """The key ids of each question."""

    async def acquire(self, **_: float) -> "Postgres":
        return self

    async def release(self, _: "Postgres") -> None:
        """Take it back."""

    def terminate(self) -> None:
        self.terminated += 1

    async def fetch(self, _query: str, keys: Sequence[str]) -> list[dict[str, Any]]:
        self.asked.append(list(keys))
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return [self._row(key) for key in keys if key not in self.unknown]

    def tenant_of(self, key: str) -> str:
        """Return the name of a key's tenant: its own for ``t…``, one for all others."""
        return key if key.startswith("t") else "acme"

    def _row(self, key: str) -> dict[str, Any]:
        return {
            "key_id": key,
            "kind": "token",
            "secret_sha256": TOKEN.secret_sha256,
            "scopes": ["users", "groups"],
            "expires_at": None,
            "revoked": key in self.revoked,
            "tenant": f"ten_{self.tenant_of(key)}",
            "name": self.tenant_of(key),
            "enabled": True,
            "settings": "{" if key in self.broken else msgspec.json.encode(TenantSettings()).decode(),
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
    assert postgres.asked == [[TOKEN.key_id]]


def key_ids(count: int) -> list[str]:
    """Return the key ids of as many tenants."""
    return [f"t{place:011d}" for place in range(count)]


async def test_a_thousand_tokens_cost_two_questions() -> None:
    """Who comes while a question is asked goes together into the next; afterwards each is believed."""
    postgres = Postgres()
    directory = directory_on(postgres)
    first, *others = [Token(key_id, TOKEN.secret) for key_id in key_ids(1000)]

    async def admitted(token: Token) -> bool:
        return await directory.admit(token, token.key_id) is not None

    early = asyncio.create_task(admitted(first))
    while not postgres.asked:  # noqa: ASYNC110  # the first question is under way
        await asyncio.sleep(0)
    assert all(await asyncio.gather(early, *map(admitted, others)))
    assert all(await asyncio.gather(*map(admitted, [first, *others])))
    assert [len(question) for question in postgres.asked] == [1, 999]


async def test_guesses_do_not_cost_a_question_each() -> None:
    """Made-up key ids that come together are asked for together, and one that nobody has is not asked for again."""
    postgres = Postgres()
    directory = directory_on(postgres)
    postgres.unknown = set(key_ids(500))
    guesses = [Token(key_id, TOKEN.secret) for key_id in key_ids(500)]
    for _ in range(3):
        assert set(await asyncio.gather(*(directory.admit(token, "acme") for token in guesses))) == {None}
    assert len(postgres.asked) == 1


async def test_a_token_that_is_issued_after_it_was_tried_is_admitted() -> None:
    """What is told of a new token, or the time, ends the belief that its key id is nobody's."""
    postgres, now = Postgres(), 0.0
    directory = directory_on(postgres, lambda: now)
    for end in ("told", "time"):
        postgres.unknown = {TOKEN.key_id}
        directory.forget()
        assert await directory.admit(TOKEN, "acme") is None
        postgres.unknown = set()
        assert await directory.admit(TOKEN, "acme") is None
        if end == "told":
            directory.forget()
        else:
            now += UNKNOWN_SECONDS
        assert await directory.admit(TOKEN, "acme") is not None


async def test_guesses_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key ids that were tried last are remembered, so many of them."""
    monkeypatch.setattr("rollbook_gateway.admission.directory.MOST_UNKNOWN", 2)
    postgres = Postgres()
    directory = directory_on(postgres)
    tried = key_ids(3)
    postgres.unknown = set(tried)
    for key_id in [*tried, tried[2], tried[1], tried[0]]:
        assert await directory.admit(Token(key_id, TOKEN.secret), "acme") is None
    assert postgres.asked == [[key_id] for key_id in [*tried, tried[0]]]


async def test_what_is_wrong_with_one_tenant_is_told_to_it_alone() -> None:
    """Rules that cannot be read keep nobody else out whose token was asked for in the same question."""
    postgres = Postgres()
    directory = directory_on(postgres)
    wrong, right = (Token(key_id, TOKEN.secret) for key_id in key_ids(2))
    postgres.broken = {wrong.key_id}
    failed, admitted = await asyncio.gather(
        directory.admit(wrong, wrong.key_id), directory.admit(right, right.key_id), return_exceptions=True
    )
    assert isinstance(failed, msgspec.DecodeError)
    assert isinstance(admitted, Admitted)


async def test_who_waits_behind_a_question_that_fails_waits_no_longer() -> None:
    """One that is not answered is enough to know that PostgreSQL does not answer."""
    postgres = Postgres()
    postgres.error = BROKEN[0]
    directory = directory_on(postgres)
    tokens = [Token(key_id, TOKEN.secret) for key_id in key_ids(2 * MOST_ASKED)]
    answers = await asyncio.gather(*(directory.admit(token, "acme") for token in tokens), return_exceptions=True)
    assert {type(answer) for answer in answers} == {DirectoryUnavailableError}
    assert len(postgres.asked) == 1


async def test_what_was_used_is_handed_over_once() -> None:
    """Only admitted requests count as use."""
    directory = directory_on(Postgres())
    await directory.admit(TOKEN, "acme")
    await directory.admit(TOKEN, "acme")
    await directory.admit(TOKEN, "other")
    await directory.admit(Token("cccccccccccc", "x" * 43), "acme")

    assert directory.take_used() == {TOKEN.key_id: 1_000_000.0}
    assert directory.take_used() == {}
