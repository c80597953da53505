"""Misprints of the product's guide in the names of attributes, as administrators copy them.

Asked only about names that mean nothing as they stand, so that no right name is ever read as another.
"""

import re
from typing import Final

_BLANKS: Final = re.compile(r"\s+")
_URN_WITHOUT_DOT: Final = re.compile(r"(?<=:ilms:)20(?=:user\b)", re.IGNORECASE)
_DEPARTMENT: Final = re.compile(r"(?<![^:.])departnment\b", re.IGNORECASE)
_BRACKETS: Final = re.compile(r"(\[.*\])", re.DOTALL)
_NAME_IN_FILTER: Final = re.compile(
    r'"(?:[^"\\]|\\.)*"|(?:^|(?<=[(\[])|(?<=\band\b)|(?<=\bor\b)|(?<=\bnot\b))(\s*)([^"()\[\]]+?)'
    r"(?=\s+(?:eq|ne|co|sw|ew|gt|ge|lt|le|pr)\b|\s*\[)",
    re.IGNORECASE,
)


def right_spelling(path: str) -> str:
    """Return an attribute path as the guide means it."""
    return department(urn_with_its_dot(without_blanks(path)))


def without_blanks(path: str) -> str:
    """Read ``ilms:2. 0:User`` and ``displayNa me``, which the guide's narrow columns break (N02, N03)."""
    return _BLANKS.sub("", path)


def urn_with_its_dot(path: str) -> str:
    """Read ``ilms:20:User``, which the guide has in one row of its table (N01, N05, N07)."""
    return _URN_WITHOUT_DOT.sub("2.0", path)


def department(path: str) -> str:
    """Read ``departnment``, the guide's word for it (N04)."""
    return _DEPARTMENT.sub("department", path)


def path_without_blanks(path: str) -> str:
    """Read a PATCH path with blanks in its names; what stands in brackets is left alone (N07)."""
    parts = _BRACKETS.split(path)
    return "".join(part if part.startswith("[") else without_blanks(part) for part in parts)


def filter_without_blanks(text: str) -> str:
    """Read a filter with blanks in its names; values are no matter of this (N07)."""
    return _NAME_IN_FILTER.sub(lambda found: found[1] + without_blanks(found[2]) if found[2] else found[0], text)
