"""Bearer tokens ``rb_<keyid>_<secret>``: their form, their making and their comparison; pure."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from rollbook_gateway.dialect.authorization import credentials

_FORM = re.compile(r"rb_([0-9a-z]{12})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class Token:
    """A token as presented: the key id finds its record, the secret (256 bits) is never stored."""

    key_id: str
    secret: str

    def __str__(self) -> str:
        return f"rb_{self.key_id}_{self.secret}"

    def __repr__(self) -> str:
        return f"Token({self.key_id!r})"

    @property
    def secret_sha256(self) -> bytes:
        """What is kept of the secret at rest."""
        return hashlib.sha256(self.secret.encode()).digest()

    def matches(self, secret_sha256: bytes) -> bool:
        """Compare with a stored hash in constant time."""
        return hmac.compare_digest(self.secret_sha256, secret_sha256)


def new_token() -> Token:
    """Make a token with a fresh key id and secret."""
    alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
    return Token("".join(secrets.choice(alphabet) for _ in range(12)), secrets.token_urlsafe(32))


def parse_token(text: str) -> Token | None:
    """Read a token; ``None`` for text of another form."""
    match = _FORM.fullmatch(text)
    return Token(*match.groups()) if match else None


def bearer(authorization: str | None) -> Token | None:
    """Read the token of an ``Authorization`` header (RFC 6750, 2.1)."""
    return parse_token(credentials(authorization or ""))
