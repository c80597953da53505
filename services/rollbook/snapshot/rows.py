"""The rows of a CSV file, read as strictly as RFC 4180 writes them: what is no CSV is told, never guessed at."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final, NamedTuple

from rollbook.snapshot.text import DOS_END, Line, UnfitFileError

LONGEST_ROW: Final = 1_048_576
"""Characters of a row, and so what a quote that is never closed may swallow before that is told."""
_DELIMITERS: Final = ",;\t"
_SEPARATOR: Final = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_ENTRA_TEMPLATE: Final = re.compile(r'"?version:v[0-9.]+"?[,;\t]*', re.IGNORECASE)
_COUNT: Final = re.compile(r"\(?[0-9]+ (rows?|records?|zeilen?|lignes?|filas?|righe|linhas?)\b.*", re.IGNORECASE)
_STRAY: Final = re.compile(r'["\r]')
_QUOTED: Final = re.compile(r'"[^"]*+(?:""[^"]*+)*+"')


class Row(NamedTuple):
    """A row's cells, and the line on which it begins."""

    line: int
    cells: list[str]


def rows(lines: Iterable[Line]) -> Iterator[Row]:
    """Yield the rows, that with the titles first; commas, semicolons or tabs divide cells, as in the titles.

    What Excel (``sep=;``) and PowerShell (``#TYPE …``) put before the titles is known and no row. Raises
    ``UnfitFileError`` for what is no CSV.
    """
    delimiter = ""
    titles = False
    for line, text in _whole_rows(lines):
        if not titles and (separator := _SEPARATOR.fullmatch(text)):
            delimiter = _known_delimiter(line, separator[1])
        elif not titles and text.startswith(("#TYPE ", '"#TYPE ')):
            continue
        elif not titles and _ENTRA_TEMPLATE.fullmatch(text):
            raise UnfitFileError(
                line,
                f"{text.strip(_DELIMITERS)!r} begins a template for Entra's bulk operations, no list of people: "
                "use the file of its Download users, or the columns of docs/import.md",
            )
        else:
            delimiter = delimiter or max(_DELIMITERS, key=text.count)
            titles = True
            yield Row(line, _cells(line, text, delimiter))


def no_row(cells: list[str], titles: list[str]) -> str | None:
    """Return what a row is that a database's client printed and that is no row of data; ``None`` for others."""
    written = [cell.strip() for cell in cells if cell.strip()]
    if [cell.strip().lower() for cell in cells] == [title.lower() for title in titles]:
        return "the titles stand here again: delete this line"
    if written == [DOS_END]:
        return "a control-Z stands here, the end of a text for DOS programs, and text follows: delete this line"
    if set("".join(written)) == {"-"} and len("".join(written)) > 1:
        return "this is the line that a database's client draws under the titles: delete it"
    if len(written) == 1 and _COUNT.fullmatch(written[0]):
        return f"{written[0]!r} is what a database's client says after its rows: delete this line"
    return None


def _known_delimiter(line: int, delimiter: str) -> str:
    if delimiter not in _DELIMITERS:
        raise UnfitFileError(line, f"sep={delimiter} is not possible: divide cells by commas, semicolons or tabs")
    return delimiter


def _whole_rows(lines: Iterable[Line]) -> Iterator[tuple[int, str]]:
    """Yield each row's text without its end; a quoted cell may go over several lines."""
    begin, parts, size, is_open = 0, list[str](), 0, False
    for number, text in lines:
        _check(number, text)
        begin = begin if parts else number
        parts.append(text)
        size += len(text)
        is_open ^= bool(text.count('"') % 2)
        if size > LONGEST_ROW:
            raise UnfitFileError(
                begin, f"this row has more than {LONGEST_ROW} characters: is a quote in it not closed?"
            )
        if not is_open:
            yield begin, "".join(parts).removesuffix("\n").removesuffix("\r")
            parts, size = [], 0
    if parts:
        raise UnfitFileError(begin, "a quote opens in this row and is not closed: close it, or double it if it is text")


def _check(number: int, text: str) -> None:
    if "\0" in text:
        raise UnfitFileError(number, "this line holds the character U+0000, so it is no text: save it as CSV UTF-8")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise UnfitFileError(number, "this line is not UTF-8: save the file as CSV UTF-8") from None


@cache
def _cell(delimiter: str) -> re.Pattern[str]:
    """Return what a cell is, up to its end; it never goes back, so that no text takes long."""
    return re.compile(rf'(?:"([^"]*+(?:""[^"]*+)*+)"|([^"\r{delimiter}]*+))({delimiter}|\Z)')


def _cells(line: int, text: str, delimiter: str) -> list[str]:
    if not _STRAY.search(text):
        return text.split(delimiter)
    cells = []
    at, cell = 0, _cell(delimiter)
    while (found := cell.match(text, at)) is not None:
        quoted, plain, end = found.groups()
        cells.append(plain if quoted is None else quoted.replace('""', '"'))
        if not end:
            return cells
        at = found.end()
    raise _broken(line, text, at)


def _broken(line: int, text: str, at: int) -> UnfitFileError:
    """Say what is wrong with the cell that begins ``at`` there."""
    quoted = _QUOTED.match(text, at)
    stray = _STRAY.search(text, at)
    place = quoted.end() if quoted is not None else stray.start() if stray is not None else at
    if text[place] == "\r":
        told = "a carriage return stands alone: end lines with LF or CR LF"
    elif quoted is not None:
        told = "text follows the closing quote of a cell: double the quotes that are part of its text"
    else:
        told = "a quote stands in a cell that does not begin with one: quote the whole cell, and double the quote"
    return UnfitFileError(line + text.count("\n", 0, place), told)
