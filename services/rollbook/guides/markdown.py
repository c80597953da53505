"""Markdown that shows any text as it is: code spans, tables and lists; for the guides."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from rollbook.printable import printable

_MEANING: Final = re.compile(r"([\\`*_{}\[\]<>#|~])")
_BAR: Final = re.compile(r"(?<!\\)\|")


def code(text: str) -> str:
    """Return text as a code span, whatever backticks it holds."""
    text = printable(text)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    blank = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{blank}{text}{blank}{fence}"


def plain(text: str) -> str:
    """Return text in which no character means anything to Markdown."""
    return _MEANING.sub(r"\\\1", printable(" ".join(text.split())))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a bar inside a cell ends no column."""
    lines = [_line(head), _line(["---"] * len(head)), *(_line(row) for row in rows)]
    return "\n".join(lines)


def bullets(items: Iterable[str]) -> str:
    """Return a list."""
    return "\n".join(f"- {item}" for item in items)


def _line(cells: Sequence[str]) -> str:
    escaped = [_BAR.sub(r"\|", cell) for cell in cells]
    return f"| {' | '.join(escaped)} |"
