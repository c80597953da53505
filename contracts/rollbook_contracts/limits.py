"""How much one value may hold, so that what the gateway accepts fits the log and the tables; asked by all that write.

The gateway and the import refuse what is beyond a limit, and the projector parks it: each limit stands here once.
"""

from typing import Final

from rollbook_contracts.folding import fold

LONGEST_FOLD: Final = 33
"""Bytes that one character takes at most once it is folded (U+FDFA becomes four words)."""

KEY_CHARACTERS: Final = 512
"""Characters of a value that people and groups are found by."""

KEY_BYTES: Final = 2_000
"""Bytes of such a value in UTF-8, as it was sent and folded: folding makes some text eleven times as long.

An entry of an index holds 2,704 bytes, and up to 100 of them are the tenant, the kind and the holder beside the value.
"""

TEXT_CHARACTERS: Final = 65_536
"""Characters of any other text."""

BATCH_MESSAGES: Final = 1_000
"""Messages of one atomic batch: what nats-server takes."""


def key_bytes(text: str) -> int:
    """Return how many bytes a key takes in the form that takes most: as it was sent, or folded.

    Raises ``UnicodeEncodeError`` where the text holds half of a surrogate pair.
    """
    return len(text) if text.isascii() else max(len(text.encode()), len(fold(text).encode()))


def excess_of_key(key: str) -> str | None:
    """Say that a key is too long, in whichever form takes most, and what is allowed; ``None`` where it fits."""
    if len(key) * LONGEST_FOLD <= KEY_BYTES or (size := key_bytes(key)) <= KEY_BYTES:
        return None
    return f"is too long: it takes {size} bytes in UTF-8, sent or case folded; send {KEY_BYTES} at most"
