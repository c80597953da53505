"""Values as long as a limit allows, and one byte longer, of characters whose folded form is longer than they are."""

from rollbook_contracts.limits import KEY_BYTES, KEY_CHARACTERS, key_bytes

ALPHABETS = {
    "ascii": "a",
    "cjk": "漢",
    "emoji": "😀",
    "sharp s": "ß",
    "n with apostrophe": "ŉ",
    "ligature of four words": "ﷺ",
    "square word": "㌀",
    "bold letter, shorter when folded": "\U0001d400",
    "dotted I": "İ",
}


def longest_key(character: str, mark: str = "") -> str:
    """Return a key of one character that is as long as a key may be; it begins with ``mark``."""
    text = mark
    while len(text) < KEY_CHARACTERS and key_bytes(text + character) <= KEY_BYTES:
        text += character
    while len(text) < KEY_CHARACTERS and key_bytes(text + "z") <= KEY_BYTES:
        text += "z"
    return text


def one_byte_more(key: str) -> str:
    """Return a key that is beyond the limit by one byte, and perhaps by one character."""
    return f"{key}z"
