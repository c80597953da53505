"""Values in filters that were sent without their quotes; asked by whoever parses a filter or a PATCH path."""

import json
import re
from typing import Any, Final

_QUOTES: Final = frozenset(
    "'`\u00b4\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2039\u203a\u00ab\u00bb\u2032\u2033\uff02\uff07"
)

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


def lifted(text: str) -> tuple[str, list[str]]:
    """Return a filter, or a path with one, with a number in quotes for each value, and the values as they were sent."""
    literals: list[str] = []

    def lift(found: re.Match[str]) -> str:
        literals.append(found[2] or found[0])
        return f'{found[1] or ""}"{len(literals) - 1}"'

    return VALUE.sub(lift, text), literals


def in_other_quotes(literal: str) -> bool:
    """Tell whether a value begins or ends with a quotation mark that is none of JSON's: it is no text as it stands."""
    return not _QUOTES.isdisjoint((literal[0], literal[-1]))
