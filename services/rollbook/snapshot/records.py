"""The lines of a snapshot's files as JSON objects with a ``type``; ``reading`` makes sense of them."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from rollbook.errors import CommandError
from rollbook.snapshot.lines import Place, Problem
from rollbook.snapshot.spreadsheet import UnfitHeaderError, UnfitRowError, layout, spreadsheet
from rollbook_gateway.scim.errors import ScimError
from rollbook_gateway.scim.json_body import parse

JSON_LINES: Final = frozenset({".jsonl", ".ndjson"})
SPREADSHEETS: Final = frozenset({".csv", ".tsv"})


class Record(NamedTuple):
    """One line as an object."""

    place: Place
    body: dict[str, Any]


Read: TypeAlias = Record | Problem


def records(path: Path) -> Iterator[Read]:
    """Read a file by its suffix; raises ``CommandError`` where it cannot be read at all."""
    if path.suffix.lower() in JSON_LINES:
        return _json_lines(path)
    if path.suffix.lower() in SPREADSHEETS:
        return _rows(path)
    raise CommandError(f"{path} is neither .jsonl (or .ndjson) nor .csv (or .tsv): the suffix says how to read it.")


def _json_lines(path: Path) -> Iterator[Read]:
    name = str(path)
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if text.strip():
                yield _json_line(Place(name, number), text)


def _json_line(place: Place, text: bytes) -> Read:
    try:
        return Record(place, parse(text))
    except ScimError as error:
        return Problem(place, error.detail.replace("the body", "this line"))


def _rows(path: Path) -> Iterator[Read]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = spreadsheet(file)
            columns = layout(next(reader, (1, []))[1])
            for number, cells in reader:
                if any(cell.strip() for cell in cells):
                    yield _row(Place(str(path), number), columns.object(cells))
    except UnfitHeaderError as error:
        yield from (Problem(Place(str(path), 1), text) for text in error.problems)
    except UnicodeDecodeError:
        yield Problem(Place(str(path), 1), "this file is not UTF-8: save it as CSV UTF-8")
    except csv.Error as error:
        yield Problem(Place(str(path), 1), f"this file is not CSV: {error}")


def _row(place: Place, body: dict[str, Any] | UnfitRowError) -> Read:
    return Problem(place, str(body)) if isinstance(body, UnfitRowError) else Record(place, body)
