"""OAuth access tokens: signed, so that every gateway knows one without anything being stored; pure.

An access token has the form of any token, ``rb_<client id>_<43 characters>``. The characters are 32 bytes: when it
ends (5), its scopes (1), and an HMAC over both (26). The HMAC's key is made of the deployment's key and of what is
stored of the client's secret, so that it can be made neither from the database alone nor from the key alone.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from rollbook_gateway.admission.scopes import SCOPES, Scope
from rollbook_gateway.admission.tokens import Token

LIFETIME_SECONDS: Final = 3600
_END_BYTES: Final = 5
_HEAD_BYTES: Final = _END_BYTES + 1
_MAC_BYTES: Final = 26


@dataclass(frozen=True, slots=True)
class Grant:
    """What an access token says: when it ends, in seconds of Unix time, and what it may do."""

    ends_at: int
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True)
class ClientKey:
    """What one OAuth client's access tokens are signed with."""

    secret: bytes

    @classmethod
    def of(cls, deployment_key: bytes, client_id: str, secret_sha256: bytes) -> "ClientKey":
        """Return the key of a client; another secret makes another key."""
        return cls(hmac.digest(deployment_key, client_id.encode() + b"\x00" + secret_sha256, hashlib.sha256))

    def sign(self, client_id: str, grant: Grant) -> Token:
        """Make the access token of a grant."""
        head = grant.ends_at.to_bytes(_END_BYTES) + bytes([_bits(grant.scopes)])
        return Token(client_id, base64.urlsafe_b64encode(head + self._mac(head)).decode().rstrip("="))

    def read(self, token: Token) -> Grant | None:
        """Return what a token grants, whether it has ended or not; ``None`` where it was not signed with this key."""
        try:
            signed = base64.urlsafe_b64decode(token.secret + "=")
        except binascii.Error:
            return None
        head, mac = signed[:_HEAD_BYTES], signed[_HEAD_BYTES:]
        if not hmac.compare_digest(mac, self._mac(head)):
            return None
        return Grant(int.from_bytes(head[:_END_BYTES]), _scopes(head[_END_BYTES]))

    def _mac(self, head: bytes) -> bytes:
        return hmac.digest(self.secret, head, hashlib.sha256)[:_MAC_BYTES]

    def __repr__(self) -> str:
        return "ClientKey(…)"


def _bits(scopes: frozenset[Scope]) -> int:
    return sum(1 << position for position, scope in enumerate(SCOPES) if scope in scopes)


def _scopes(bits: int) -> frozenset[Scope]:
    return frozenset(scope for position, scope in enumerate(SCOPES) if bits & 1 << position)
