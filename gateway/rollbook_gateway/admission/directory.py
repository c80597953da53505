"""The directory of tokens and tenants: PostgreSQL's ``control`` tables behind a cache; the edge asks it per request."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

import asyncpg
import msgspec
import structlog

from rollbook_contracts.partitions import partition_of
from rollbook_contracts.settings import TenantSettings
from rollbook_contracts.tables.control import NOTIFY_CHANNEL
from rollbook_gateway.admission.tokens import Token
from rollbook_gateway.decide.user import Tenant

FRESH_SECONDS = 30.0
"""How long an admission is believed without a look at PostgreSQL; NOTIFY ends it within a second."""
STALE_SECONDS = 3600.0
"""How long it is believed while PostgreSQL cannot be asked."""
RETRY_SECONDS = 5.0
"""How long a failed look at PostgreSQL is not repeated."""
ASK_SECONDS = 1.0

_QUERY = """
SELECT tokens.secret_sha256, tokens.revoked_at IS NOT NULL AS revoked, tenants.tenant, tenants.name, tenants.enabled,
       tenants.settings, tenants.fact_seq
FROM control.tokens JOIN control.tenants USING (tenant)
WHERE tokens.key_id = $1
"""

_UNAVAILABLE: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server died in the middle of an answer
)

logger = structlog.get_logger(__name__)


class DirectoryUnavailableError(Exception):
    """PostgreSQL does not answer and the token was never seen: nobody can say whose it is."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What is known of a token: its hash, whether it counts, and its tenant."""

    secret_sha256: bytes
    admitted: bool
    tenant: Tenant


@dataclass(slots=True)
class _Cached:
    admission: Admission | None
    asked_at: float
    ask_again_at: float


class TokenDirectory:
    """Finds the tenant of a token; ``clock`` counts seconds and never goes back."""

    def __init__(self, pool: asyncpg.Pool, partitions: int, clock: Callable[[], float]) -> None:
        self._pool = pool
        self._partitions = partitions
        self._clock = clock
        self._cache: dict[str, _Cached] = {}
        self._asking: dict[str, asyncio.Task[Admission | None]] = {}
        self._announcements = 0

    async def admit(self, token: Token, tenant_name: str) -> Tenant | None:
        """Return the tenant whose token this is, if it is the one named; ``None`` where it is not to be admitted."""
        admission = await self._admission(token.key_id)
        if admission is None or not token.matches(admission.secret_sha256):
            return None
        if not admission.admitted or admission.tenant.name != tenant_name:
            return None
        return admission.tenant

    def forget(self) -> None:
        """Ask PostgreSQL again at the next request of each token; what is known serves while it cannot be asked."""
        self._announcements += 1
        self._asking.clear()
        for cached in self._cache.values():
            cached.ask_again_at = 0.0

    async def _admission(self, key_id: str) -> Admission | None:
        now = self._clock()
        cached = self._cache.get(key_id)
        if cached is not None and now < cached.ask_again_at:
            return cached.admission
        announcements = self._announcements
        try:
            admission = await self._ask_shared(key_id)
        except _UNAVAILABLE as error:
            if cached is None or cached.admission is None or now - cached.asked_at > STALE_SECONDS:
                raise DirectoryUnavailableError from error
            cached.ask_again_at = now + RETRY_SECONDS
            return cached.admission
        if admission is None:
            # A key id that nobody has is not kept: guesses must not fill the memory.
            self._cache.pop(key_id, None)
        else:
            # What was announced while PostgreSQL was asked may have come too late for the answer.
            believed_until = now + FRESH_SECONDS if announcements == self._announcements else 0.0
            self._cache[key_id] = _Cached(admission, now, believed_until)
        return admission

    async def _ask_shared(self, key_id: str) -> Admission | None:
        task = self._asking.get(key_id)
        if task is None:
            task = self._asking[key_id] = asyncio.create_task(self._ask(key_id))
            task.add_done_callback(partial(self._asked, key_id))
        return await asyncio.shield(task)

    def _asked(self, key_id: str, task: asyncio.Task[Admission | None]) -> None:
        if self._asking.get(key_id) is task:
            del self._asking[key_id]

    async def _ask(self, key_id: str) -> Admission | None:
        connection = await self._pool.acquire(timeout=ASK_SECONDS)
        try:
            row = await connection.fetchrow(_QUERY, key_id, timeout=ASK_SECONDS)
        except BaseException:
            connection.terminate()  # an operation may still be under way: nobody else must get this connection
            raise
        finally:
            await self._pool.release(connection)
        if row is None:
            return None
        tenant = Tenant(
            id=row["tenant"],
            name=row["name"],
            partition=partition_of(row["tenant"], self._partitions),
            settings=msgspec.json.decode(row["settings"], type=TenantSettings),
            settings_sequence=row["fact_seq"],
        )
        return Admission(row["secret_sha256"], row["enabled"] and not row["revoked"], tenant)


async def listen_for_changes(directory: TokenDirectory, database_url: str) -> None:
    """Have the directory ask again whenever tenants or tokens change; runs until cancelled."""
    while True:
        connection = None
        try:
            async with asyncio.timeout(5):
                connection = await asyncpg.connect(database_url)
            closed = asyncio.Event()
            connection.add_termination_listener(lambda _, closed=closed: closed.set())
            await connection.add_listener(NOTIFY_CHANNEL, lambda *_: directory.forget())
            directory.forget()
            await closed.wait()
        except _UNAVAILABLE as error:
            logger.info("admission.listener_lost", reason=str(error) or type(error).__name__)
        finally:
            if connection is not None:
                with suppress(Exception):  # it is lost already: closing it is a courtesy
                    connection.terminate()
        await asyncio.sleep(1)
