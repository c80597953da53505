"""What commands print: rows on stdout, as a table or as JSON lines; everything else on stderr.

Nothing else in the command line writes to a terminal, and all that is written here but JSON is ``printable``.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from rollbook.printable import printable

Row = Mapping[str, object]


class OutputClosedError(BrokenPipeError):
    """Who read the rows has gone, as `head` does; not to be taken for a server that hung up."""


class Advance(Protocol):
    """Tells a progress bar how much is done, and of how much where that is known."""

    def __call__(self, done: int, total: int | None = None) -> None: ...


def print_rows(rows: Iterable[Row], *, as_json: bool, columns: Sequence[str] | None = None) -> None:
    """Print rows: one JSON object per line, or a table of ``columns`` (all by default)."""
    if as_json:
        for row in rows:
            print_json(row)
        return
    found = list(rows)
    names = columns or list(found[0] if found else ())
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(Text(printable(name.replace("_", " "))), overflow="fold")
    for row in found:
        table.add_row(*(Text(printable(_cell(row.get(name)))) for name in names))
    if found:
        Console(width=None if sys.stdout.isatty() else 200).print(table)


def print_json(row: Row) -> None:
    """Print one object on a line of its own, at once."""
    _print(msgspec.json.encode(row, enc_hook=str).decode())


def print_text(*lines: str) -> None:
    """Print lines at once."""
    _print("\n".join(map(printable, lines)))


def _print(text: str) -> None:
    """Raise ``OutputClosedError`` where nobody reads any more."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise OutputClosedError(*error.args) from error


def say(*lines: str) -> None:
    """Tell the person something, in lines; scripts read stdout and do not see it."""
    sys.stderr.write("\n".join(map(printable, lines)) + "\n")
    sys.stderr.flush()


@contextmanager
def progress(label: str) -> Iterator[Advance]:
    """Show a progress bar on a terminal's stderr; elsewhere show nothing."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(printable(label), total=None)

        def advance(done: int, total: int | None = None) -> None:
            bar.update(task, completed=done, total=total)

        yield advance


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value)
