"""Credentials are read from PostgreSQL for all who wait, in one question after the other; the token directory asks.

Admission has a connection of its own, so that searches cannot keep it from anybody, nor strangers with made-up key ids
the searches: at most one question is under way, whoever comes meanwhile goes together into the next.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Generic, TypeAlias, TypeVar

import asyncpg

ASK_SECONDS: Final = 1.0
"""How long a question may take, the connection included; who comes while it is asked waits for it and the next."""
MOST_ASKED: Final = 1_000
"""Key ids in one question."""

_QUERY: Final = """
SELECT tokens.key_id, tokens.kind, tokens.secret_sha256, tokens.scopes, tokens.revoked_at IS NOT NULL AS revoked,
       extract(epoch FROM tokens.expires_at)::float8 AS expires_at,
       tenants.tenant, tenants.name, tenants.enabled, tenants.settings,
       tenants.fact_seq
FROM control.tokens JOIN control.tenants USING (tenant)
WHERE tokens.key_id = ANY ($1::text[])
"""

T = TypeVar("T")

Found: TypeAlias = Mapping[str, asyncpg.Record]
"""The rows by key id; a key id that nobody has is not among them."""


async def fetch(pool: asyncpg.Pool, key_ids: Sequence[str]) -> Found:
    """Read the rows of key ids, from one snapshot."""
    async with asyncio.timeout(ASK_SECONDS):
        connection = await pool.acquire()
        try:
            rows = await connection.fetch(_QUERY, key_ids)
        except BaseException:
            connection.terminate()  # an operation may still be under way: nobody else must get this connection
            raise
        finally:
            await pool.release(connection)
    return {row["key_id"]: row for row in rows}


class Lookup(Generic[T]):
    """Answers single questions, of which ``ask`` answers many at once, in the order of the list it is given.

    An exception among its answers is raised to who asked that; one that it raises, to all who wait.
    """

    def __init__(self, ask: Callable[[Sequence[str]], Awaitable[Sequence[T | Exception]]]) -> None:
        self._ask = ask
        self._waiting: dict[str, asyncio.Future[T]] = {}
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, key: str) -> T:
        """Return the answer to a question that is asked after this call began."""
        answer = self._waiting.get(key)
        if answer is None:
            answer = self._waiting[key] = asyncio.get_running_loop().create_future()
        if self._task is None:
            self._task = asyncio.create_task(self._answer_all())
        return await asyncio.shield(answer)  # who is cancelled leaves alone, others may wait for the same

    async def _answer_all(self) -> None:
        try:
            while self._waiting:
                asked = [(key, self._waiting.pop(key)) for key in list(self._waiting)[:MOST_ASKED]]
                try:
                    found = await self._ask([key for key, _ in asked])
                except Exception as error:  # noqa: BLE001  # whatever it is, those who wait are told, and wait no longer
                    asked += self._waiting.items()
                    self._waiting = {}
                    found = [error] * len(asked)
                for (_, answer), one in zip(asked, found, strict=True):
                    _settle(answer, one)
        finally:
            self._task = None


def _settle(answer: asyncio.Future[T], found: T | Exception) -> None:
    if isinstance(found, Exception):
        answer.set_exception(found)
        answer.exception()  # asked for, so that asyncio does not complain where nobody waits any more
    else:
        answer.set_result(found)
