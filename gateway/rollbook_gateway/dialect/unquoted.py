"""Values in filters that were sent without their quotes; asked by whoever parses a filter or a PATCH path."""

import json
import re
from typing import Any, Final

VALUE: Final = re.compile(
    r'"(?:[^"\\]|\\.)*"|(?<=\s)((?:eq|ne|co|sw|ew|gt|ge|lt|le)\s+)([^\s"()\[\]]+)',
    re.IGNORECASE,
)
"""A value of a filter: in quotes, or else behind its operator, up to the next blank or bracket (M06)."""


def value(text: str, *, of_text: bool) -> Any:
    """Read a value without quotes (M06): JSON's own words and numbers are those, but text where text is compared."""
    if text.lower() == "null":
        return None
    if of_text:
        return text
    try:
        return json.loads(text.lower())
    except ValueError:
        return text


def quoted(text: str) -> str:
    """Return a filter, or a path with one, with quotes around the values that have none (M06)."""
    return VALUE.sub(lambda found: found[0] if found[2] is None else found[1] + json.dumps(found[2]), text)
