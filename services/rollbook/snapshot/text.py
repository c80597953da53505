"""The text of a snapshot's file, line by line, whatever program wrote it; ``records`` makes sense of the lines."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How files of Excel begin, whatever their suffix: .xlsx is a zip archive, .xls a compound file."""
DOS_END: Final = "\x1a"


class UnfitFileError(Exception):
    """A file that cannot be read beyond a line, so that nothing of it may be applied."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


class Line(NamedTuple):
    """A line with its number, counted from 1, and its end; bytes that are no UTF-8 stand in it as surrogates."""

    number: int
    text: str


def lines(path: Path, *, longest: int) -> Iterator[Line]:
    """Yield the lines of a file in UTF-8, or in UTF-16 with a byte order mark, of ``longest`` characters each at most.

    A control-Z at the very end is the mark by which DOS programs end a text, and no part of it.
    """
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith(_WORKBOOKS):
        raise UnfitFileError(1, "this file is an Excel workbook: open it and save each sheet as CSV UTF-8")
    number = 0
    encoding = "utf-16" if start.startswith(_UTF_16) else "utf-8-sig"
    with path.open(encoding=encoding, errors="surrogateescape", newline="\n") as file:
        try:
            text = file.readline(longest + 1)
            while text:
                number += 1
                if len(text) > longest:
                    raise UnfitFileError(number, f"this line has more than {longest} characters, the most that is read")
                following = file.readline(longest + 1)
                yield Line(number, text if following else _without_dos_end(text))
                text = following
        except UnicodeError:
            raise UnfitFileError(number + 1, "this file begins as UTF-16 and is none: save it as UTF-8") from None


def _without_dos_end(text: str) -> str:
    bare = text.rstrip("\r\n")
    return bare.rstrip(DOS_END) if bare.endswith(DOS_END) else text
