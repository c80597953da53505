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
from rollbook_gateway.admission.access_tokens import ClientKey
from rollbook_gateway.admission.credentials import Admitted, Credential
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
SELECT tokens.key_id, tokens.kind, tokens.secret_sha256, tokens.scopes, tokens.revoked_at IS NOT NULL AS revoked,
       extract(epoch FROM tokens.expires_at)::float8 AS expires_at,
       tenants.tenant, tenants.name, tenants.enabled, tenants.settings,
       tenants.fact_seq
FROM control.tokens JOIN control.tenants USING (tenant)
WHERE tokens.key_id = $1
"""

UNAVAILABLE: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server died in the middle of an answer
)

logger = structlog.get_logger(__name__)


class DirectoryUnavailableError(Exception):
    """PostgreSQL does not answer and the token was never seen: nobody can say whose it is."""


@dataclass(slots=True)
class _Cached:
    credential: Credential
    asked_at: float
    ask_again_at: float


class TokenDirectory:
    """Finds the tenant of a token.

    ``clock`` counts seconds and never goes back, ``unix_time`` is the time that credentials end by, and ``access_key``
    is the deployment's key for access tokens.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        partitions: int,
        clock: Callable[[], float],
        *,
        unix_time: Callable[[], float],
        access_key: bytes,
    ) -> None:
        self._pool = pool
        self._partitions = partitions
        self._clock = clock
        self._unix_time = unix_time
        self._access_key = access_key
        self._cache: dict[str, _Cached] = {}
        self._asking: dict[str, asyncio.Task[Credential | None]] = {}
        self._announcements = 0
        self._used: dict[str, float] = {}

    async def admit(self, token: Token, tenant_name: str) -> Admitted | None:
        """Return whose token this is, if it is that of the tenant named; ``None`` where it is not to be admitted.

        Raises ``ExpiredError`` for one whose time is over, and ``DirectoryUnavailableError``.
        """
        credential = await self._credential(token.key_id)
        if credential is None or credential.admitted.tenant.name != tenant_name:
            return None
        now = self._unix_time()
        admitted = credential.admits(token, now)
        if admitted is not None:
            self._used[token.key_id] = now
        return admitted

    async def client(self, token: Token, tenant_name: str) -> Credential | None:
        """Return the OAuth client whose id and secret these are, if it is one of the tenant named."""
        credential = await self._credential(token.key_id)
        if credential is None or credential.admitted.tenant.name != tenant_name:
            return None
        now = self._unix_time()
        if not credential.authenticates(token, now):
            return None
        self._used[token.key_id] = now
        return credential

    def take_used(self) -> dict[str, float]:
        """Hand over when each token was last admitted since this was last asked."""
        used, self._used = self._used, {}
        return used

    def forget(self) -> None:
        """Ask PostgreSQL again at the next request of each token; what is known serves while it cannot be asked."""
        self._announcements += 1
        self._asking.clear()
        for cached in self._cache.values():
            cached.ask_again_at = 0.0

    async def _credential(self, key_id: str) -> Credential | None:
        now = self._clock()
        cached = self._cache.get(key_id)
        if cached is not None and now < cached.ask_again_at:
            return cached.credential
        try:
            return await self._ask_shared(key_id)
        except UNAVAILABLE as error:
            if cached is None or now - cached.asked_at > STALE_SECONDS:
                raise DirectoryUnavailableError from error
            cached.ask_again_at = now + RETRY_SECONDS
            return cached.credential

    async def _ask_shared(self, key_id: str) -> Credential | None:
        task = self._asking.get(key_id)
        if task is None:
            task = self._asking[key_id] = asyncio.create_task(self._ask_and_keep(key_id))
            task.add_done_callback(partial(self._asked, key_id))
        return await asyncio.shield(task)

    def _asked(self, key_id: str, task: asyncio.Task[Credential | None]) -> None:
        if self._asking.get(key_id) is task:
            del self._asking[key_id]

    async def _ask_and_keep(self, key_id: str) -> Credential | None:
        now, announcements = self._clock(), self._announcements
        credential = await self._ask(key_id)
        if credential is None:
            # A key id that nobody has is not kept: guesses must not fill the memory.
            self._cache.pop(key_id, None)
            return None
        # What was announced while PostgreSQL was asked may have come too late for the answer.
        believed_until = now + FRESH_SECONDS if announcements == self._announcements else 0.0
        if key_id not in self._cache:
            self._forget_tenant(credential.admitted.tenant.id)
        self._cache[key_id] = _Cached(credential, now, believed_until)
        return credential

    def _forget_tenant(self, tenant: str) -> None:
        """Ask again for each token of a tenant: where a new one is presented, old ones may just have been stopped.

        So a gateway that admits the token of `rollbook token regenerate` admits none of those before it.
        """
        self._announcements += 1
        for key_id, cached in self._cache.items():
            if cached.credential.admitted.tenant.id == tenant:
                cached.ask_again_at = 0.0
                self._asking.pop(key_id, None)

    async def _ask(self, key_id: str) -> Credential | None:
        connection = await self._pool.acquire(timeout=ASK_SECONDS)
        try:
            row = await connection.fetchrow(_QUERY, key_id, timeout=ASK_SECONDS)
        except BaseException:
            connection.terminate()  # an operation may still be under way: nobody else must get this connection
            raise
        finally:
            await self._pool.release(connection)
        return self._read(row) if row is not None else None

    def _read(self, row: asyncpg.Record) -> Credential:
        tenant = Tenant(
            id=row["tenant"],
            name=row["name"],
            partition=partition_of(row["tenant"], self._partitions),
            settings=msgspec.json.decode(row["settings"], type=TenantSettings),
            settings_sequence=row["fact_seq"],
        )
        key_id, secret_sha256 = row["key_id"], row["secret_sha256"]
        return Credential(
            admitted=Admitted(tenant, key_id, frozenset(row["scopes"])),
            secret_sha256=secret_sha256,
            counts=row["enabled"] and not row["revoked"],
            expires_at=row["expires_at"],
            client_key=ClientKey.of(self._access_key, key_id, secret_sha256) if row["kind"] == "client" else None,
        )


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
        except UNAVAILABLE as error:
            logger.info("admission.listener_lost", reason=str(error) or type(error).__name__)
        finally:
            if connection is not None:
                with suppress(Exception):  # it is lost already: closing it is a courtesy
                    connection.terminate()
        await asyncio.sleep(1)
