"""The lines of a snapshot's files as JSON objects with a ``type``; ``reading`` makes sense of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from rollbook.errors import CommandError
from rollbook.snapshot.lines import Place, Problem
from rollbook.snapshot.rows import LONGEST_ROW, Row, no_row, rows
from rollbook.snapshot.spreadsheet import Layout, UnfitHeaderError, UnfitRowError, layout
from rollbook.snapshot.text import UnfitFileError, lines
from rollbook_gateway.scim.errors import ScimError
from rollbook_gateway.scim.json_body import parse

JSON_LINES: Final = frozenset({".jsonl", ".ndjson"})
SPREADSHEETS: Final = frozenset({".csv", ".tsv"})
WORKBOOKS: Final = frozenset({".xlsx", ".xlsm", ".xls", ".ods"})
LONGEST_JSON: Final = 32 * 1024 * 1024
"""Characters of a line of JSON; the gateway takes no larger group."""


class Record(NamedTuple):
    """One line as an object."""

    place: Place
    body: dict[str, Any]
    lists_in_part: bool = False
    """Whether lists hold only the elements that have a column."""


class Note(NamedTuple):
    """What of a file is not taken in, though nothing is wrong with it."""

    place: Place
    text: str


Read: TypeAlias = Record | Problem | Note


def records(path: Path) -> Iterator[Read]:
    """Read a file by its suffix; raises ``CommandError`` where it cannot be read at all."""
    suffix = path.suffix.lower()
    if suffix in JSON_LINES:
        return _told(path, _json_lines(path))
    if suffix in SPREADSHEETS:
        return _told(path, _rows(path))
    if suffix in WORKBOOKS:
        raise CommandError(f"{path} is a workbook: open it and save each sheet as CSV UTF-8, which ends with .csv.")
    raise CommandError(f"{path} is neither .jsonl (or .ndjson) nor .csv (or .tsv): the suffix says how to read it.")


def _told(path: Path, reads: Iterator[Read]) -> Iterator[Read]:
    """Yield what is read until something is wrong with the file as such, and that at last."""
    try:
        yield from reads
    except UnfitFileError as error:
        yield Problem(Place(str(path), error.line), str(error))


def _json_lines(path: Path) -> Iterator[Read]:
    for number, text in lines(path, longest=LONGEST_JSON):
        if text.strip():
            yield _json_line(Place(str(path), number), text.encode(errors="surrogateescape"))


def _json_line(place: Place, text: bytes) -> Read:
    try:
        return Record(place, parse(text))
    except ScimError as error:
        return Problem(place, error.detail.replace("the body", "this line"))


def _rows(path: Path) -> Iterator[Read]:
    read = rows(lines(path, longest=LONGEST_ROW))
    line, titles = next(read, Row(1, []))
    try:
        columns = layout(titles)
    except UnfitHeaderError as error:
        yield from (Problem(Place(str(path), line), text) for text in error.problems)
        return
    if columns.left_out:
        names = ", ".join(name for name in titles if name.strip() in columns.left_out)
        yield Note(Place(str(path), line), f"columns of Entra's download that have no place here were ignored: {names}")
    for number, cells in read:
        if any(cell.strip() for cell in cells):
            yield _row(Place(str(path), number), cells, columns)


def _row(place: Place, cells: list[str], columns: Layout) -> Read:
    if unfit := no_row(cells, columns.names):
        return Problem(place, unfit)
    try:
        return Record(place, columns.object(cells), lists_in_part=True)
    except UnfitRowError as error:
        return Problem(place, str(error))
