"""Credentials at rest, tokens and OAuth clients alike, and whom they admit; asked by the directory; pure."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from rollbook_gateway.admission.access_tokens import LIFETIME_SECONDS, ClientKey, Grant
from rollbook_gateway.admission.scopes import Scope
from rollbook_gateway.admission.tokens import Token
from rollbook_gateway.decide.user import Tenant


class ExpiredError(Exception):
    """The credential is the right one, but its time is over; whoever holds it may be told."""

    def __init__(self, what: str, ended_at: float) -> None:
        super().__init__(what)
        self.what = what
        self.ended_at = datetime.fromtimestamp(ended_at, UTC)


@dataclass(frozen=True, slots=True)
class Admitted:
    """An admitted request's tenant, the key id that it came with, and what it may do."""

    tenant: Tenant
    key_id: str
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True)
class Credential:
    """What is known of a token or an OAuth client; ``counts`` where neither it nor its tenant was stopped.

    ``client_key`` tells an OAuth client: its secret is good for access tokens only. ``expires_at`` is Unix time.
    """

    admitted: Admitted
    secret_sha256: bytes = field(repr=False)
    counts: bool
    expires_at: float | None = None
    client_key: ClientKey | None = None

    def admits(self, token: Token, now: float) -> Admitted | None:
        """Return whom a presented token admits; raises ``ExpiredError`` for the right one that is too late."""
        if self.client_key is not None:
            return self._admits_access_token(self.client_key, token, now)
        if not token.matches(self.secret_sha256) or not self.counts:
            return None
        self._check_expiry(now)
        return self.admitted

    def authenticates(self, token: Token, now: float) -> bool:
        """Say whether a client id and secret are those of this OAuth client, today."""
        right = token.matches(self.secret_sha256)
        return right and self.client_key is not None and self.counts and not self._is_over(now)

    def access_token(self, scopes: frozenset[Scope], now: float) -> tuple[Token, int]:
        """Return a new access token of this OAuth client and when it ends: never later than the client."""
        assert self.client_key is not None, "a token of another kind has none"
        ends_at = now + LIFETIME_SECONDS
        grant = Grant(int(ends_at if self.expires_at is None else min(ends_at, self.expires_at)), scopes)
        return self.client_key.sign(self.admitted.key_id, grant), grant.ends_at

    def _admits_access_token(self, key: ClientKey, token: Token, now: float) -> Admitted | None:
        grant = key.read(token)
        if grant is None or not self.counts:
            return None
        self._check_expiry(now)
        if now >= grant.ends_at:
            raise ExpiredError("access token", grant.ends_at)
        known = self.admitted
        return known if grant.scopes == known.scopes else Admitted(known.tenant, known.key_id, grant.scopes)

    def _check_expiry(self, now: float) -> None:
        if self.expires_at is not None and now >= self.expires_at:
            raise ExpiredError("token" if self.client_key is None else "OAuth client", self.expires_at)

    def _is_over(self, now: float) -> bool:
        return self.expires_at is not None and now >= self.expires_at
