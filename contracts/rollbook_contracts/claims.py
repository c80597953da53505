"""How a unique value becomes a claim's hash, keyed per deployment; used where claims are taken and verified."""

import base64
import hashlib
import hmac
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClaimKey:
    """The deployment's secret key for claims: 32 bytes, never rotated, kept out of PostgreSQL."""

    secret: bytes

    def digest(self, tenant: str, attribute: str, value: str) -> str:
        """Return the claim's hash: 26 base32 characters (128 bits) of HMAC-SHA-256 over tenant, attribute and value.

        ``value`` is what is compared: folded already where the attribute ignores case.
        """
        message = b"\x00".join((tenant.encode(), attribute.encode(), value.encode()))
        return base64.b32encode(hmac.digest(self.secret, message, hashlib.sha256)[:16]).decode().rstrip("=").lower()

    @property
    def fingerprint(self) -> str:
        """What a stream's metadata records of the key, so that a process with another key refuses to start."""
        return hmac.digest(self.secret, b"rollbook claim key fingerprint", hashlib.sha256).hex()[:16]

    def derived(self, purpose: str) -> bytes:
        """Return a key for another purpose: as secret as this one, and telling nothing of it."""
        return hmac.digest(self.secret, f"rollbook key for {purpose}".encode(), hashlib.sha256)

    def __repr__(self) -> str:
        return f"ClaimKey(fingerprint={self.fingerprint!r})"
