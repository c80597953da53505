"""The lines of a snapshot's files as JSON objects with a ``type``; ``reading`` makes sense of them."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from rollbook.errors import CommandError
from rollbook.snapshot.lines import Place, Problem
from rollbook.snapshot.spreadsheet import UnfitHeaderError, UnfitRowError, layout, spreadsheet

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
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if text.strip():
                yield _json_line(Place(str(path), number), text)


def _json_line(place: Place, text: bytes) -> Read:
    try:
        body = json.loads(text)
    except UnicodeDecodeError:
        return Problem(place, "this is not UTF-8")
    except (ValueError, RecursionError) as error:
        return Problem(place, f"this is not JSON: {error}")
    if not isinstance(body, dict):
        return Problem(place, "this is not a JSON object: write one in braces on each line")
    return Record(place, body)


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
