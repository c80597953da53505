"""Typed ids (``ten_``, ``usr_``, ``grp_``, ``req_``) and their safe form as subject tokens; used by every process."""

import hashlib
import re
import secrets
import time
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

IdKind: TypeAlias = Literal["ten", "usr", "grp", "req"]

# Crockford's alphabet, in ASCII order: ids sort by the millisecond in which they were made.
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_DIGITS: Final = 26
_FORM: Final = re.compile(rf"(ten|usr|grp|req)_([0-7][{_ALPHABET}]{{25}})")
_SAFE: Final = re.compile(r"[A-Za-z0-9_-]+")


def uuid7_bits(milliseconds: int, randomness: int) -> int:
    """Return the 128 bits of a UUIDv7 (RFC 9562, 5.7) for a Unix time in milliseconds and 74 random bits."""
    high, low = randomness >> 62 & 0xFFF, randomness & (1 << 62) - 1
    return (milliseconds & (1 << 48) - 1) << 80 | 7 << 76 | high << 64 | 0b10 << 62 | low


def encode_bits(bits: int) -> str:
    """Return 128 bits as 26 base32 characters, most significant first."""
    return "".join([_ALPHABET[bits >> shift & 31] for shift in range(125, -1, -5)])


def new_id(
    kind: IdKind,
    *,
    clock: Callable[[], float] = time.time,
    random_bits: Callable[[int], int] = secrets.randbits,
) -> str:
    """Make an id such as ``usr_01jf…``: the kind, an underscore, 26 base32 characters of a UUIDv7."""
    return f"{kind}_{encode_bits(uuid7_bits(int(clock() * 1000), random_bits(74)))}"


def derived_id(kind: IdKind, name: str) -> str:
    """Return the one id that belongs to a name: whoever makes it again makes the same (RFC 9562, 5.8; of SHA-256)."""
    bits = int.from_bytes(hashlib.sha256(f"{kind} {name}".encode()).digest()[:16])
    high, low = bits >> 64 & 0xFFF, bits & (1 << 62) - 1
    return f"{kind}_{encode_bits(bits >> 80 << 80 | 8 << 76 | high << 64 | 0b10 << 62 | low)}"


def kind_of(identifier: str) -> IdKind | None:
    """Return the kind of a well-formed id, ``None`` for any other text."""
    match = _FORM.fullmatch(identifier)
    return match.group(1) if match else None  # type: ignore[return-value]  # the pattern admits the four kinds only


def subject_token(text: str) -> str:
    """Encode any text injectively as one NATS subject token of letters, digits, ``_``, ``-`` and ``=``."""
    if _SAFE.fullmatch(text):
        return text
    if not text:
        return "="
    return "".join(
        character if _SAFE.fullmatch(character) else "".join(f"={byte:02X}" for byte in character.encode())
        for character in text
    )
