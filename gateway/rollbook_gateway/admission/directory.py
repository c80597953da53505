"""The directory of tokens and tenants: PostgreSQL's ``control`` tables behind a cache; the edge asks it per request."""

import asyncio
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import asyncpg
import msgspec
import structlog

from rollbook_contracts.partitions import partition_of
from rollbook_contracts.settings import TenantSettings
from rollbook_contracts.tables.control import NOTIFY_CHANNEL
from rollbook_gateway.admission.access_tokens import ClientKey
from rollbook_gateway.admission.credentials import Admitted, Credential
from rollbook_gateway.admission.lookup import Lookup, fetch
from rollbook_gateway.admission.tokens import Token
from rollbook_gateway.decide.user import Tenant

FRESH_SECONDS = 30.0
"""How long an admission is believed without a look at PostgreSQL; NOTIFY ends it within a second."""
STALE_SECONDS = 3600.0
"""How long it is believed while PostgreSQL cannot be asked."""
RETRY_SECONDS = 5.0
"""How long a failed look at PostgreSQL is not repeated."""
UNKNOWN_SECONDS = 5.0
"""How long a key id that nobody has is not asked for again; NOTIFY ends it, as it does when a token is issued."""
MOST_UNKNOWN: Final = 10_000
"""So many of those are remembered: guesses must not fill the memory."""

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
        self._unknown: dict[str, float] = {}
        """Until when a key id is believed to be nobody's."""
        self._lookup = Lookup(self._ask)
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
        self._unknown.clear()
        for cached in self._cache.values():
            cached.ask_again_at = 0.0

    async def _credential(self, key_id: str) -> Credential | None:
        now = self._clock()
        cached = self._cache.get(key_id)
        if cached is not None and now < cached.ask_again_at:
            return cached.credential
        if now < self._unknown.get(key_id, 0.0):
            return None
        try:
            return await self._lookup(key_id)
        except UNAVAILABLE as error:
            if cached is None or now - cached.asked_at > STALE_SECONDS:
                raise DirectoryUnavailableError from error
            cached.ask_again_at = now + RETRY_SECONDS
            return cached.credential

    async def _ask(self, key_ids: Sequence[str]) -> Sequence[Credential | Exception | None]:
        now, announcements = self._clock(), self._announcements
        found = await fetch(self._pool, key_ids)
        credentials = [self._read_or_tell(found[key_id]) if key_id in found else None for key_id in key_ids]
        # What was announced while PostgreSQL was asked may have come too late for the answer.
        current = announcements == self._announcements
        before = set(self._cache)
        for key_id, credential in zip(key_ids, credentials, strict=True):
            if credential is None:
                self._cache.pop(key_id, None)
                if current:
                    self._remember_unknown(key_id, now)
            elif isinstance(credential, Credential):
                self._cache[key_id] = _Cached(credential, now, now + FRESH_SECONDS if current else 0.0)
        self._ask_again_beside(self._cache.keys() - before)
        return credentials

    def _remember_unknown(self, key_id: str, now: float) -> None:
        self._unknown.pop(key_id, None)
        self._unknown[key_id] = now + UNKNOWN_SECONDS
        if len(self._unknown) > MOST_UNKNOWN:
            del self._unknown[next(iter(self._unknown))]  # the one that was asked for longest ago

    def _ask_again_beside(self, new: AbstractSet[str]) -> None:
        """Ask again for each other token of their tenants: where a new one is presented, old ones may just have ended.

        So a gateway that admits the token of `rollbook token regenerate` admits none of those before it.
        """
        tenants = {self._cache[key_id].credential.admitted.tenant.id for key_id in new}
        if not tenants:
            return
        for key_id, cached in self._cache.items():
            if key_id not in new and cached.credential.admitted.tenant.id in tenants:
                cached.ask_again_at = 0.0

    def _read_or_tell(self, row: asyncpg.Record) -> Credential | Exception:
        try:
            return self._read(row)
        except Exception as error:  # noqa: BLE001  # of one tenant: the others in the same question are admitted
            return error

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
