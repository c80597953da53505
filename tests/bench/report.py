"""The figures as a table for people, with the marks that they are held against."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.table import Table

Figures = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Mark:
    """What a figure should reach: the first mark, and the one after it; for memory it is a ceiling."""

    cell: str
    figure: str
    first: float
    next: float | None = None
    ceiling: bool = False


MARKS: Final = (
    Mark("post_c64", "requests_per_second", 1_500, 2_500),
    Mark("patch_c16", "requests_per_second", 1_500, 2_000),
    Mark("filter_100000_c16", "requests_per_second", 2_000, 3_000),
    Mark("replay_200000", "events_per_second", 20_000, 30_000),
    Mark("group_100000", "add_100_p50_ms", 10, ceiling=True),
    Mark("group_100000", "add_100_to_empty", 1.5, ceiling=True),
    Mark("group_100000", "remove_1_p50_ms", 5, ceiling=True),
    Mark("group_100000", "get_without_members_p50_ms", 2, ceiling=True),
    Mark("group_replaced", "put_answered_s", 3, ceiling=True),
    Mark("group_replaced", "put_applied_s", 5, ceiling=True),
    Mark("group_replaced", "put_others_row_lag_max_ms", 500, ceiling=True),
    Mark("memory_pss_mib", "gateway", 110, ceiling=True),
)
_IN_WORDS: Final = ("filling", "group", "replay", "memory", "machine")
_COLUMNS: Final = (
    ("requests_per_second", "requests/s"),
    ("p50_ms", "p50 ms"),
    ("p95_ms", "p95 ms"),
    ("p99_ms", "p99 ms"),
    ("errors", "errors"),
    ("others_cpu_share", "others' CPU"),
    ("rows_per_second", "rows/s"),
    ("changes_per_second", "changes/s"),
    ("row_lag_p50_ms", "row lag p50"),
    ("row_lag_p99_ms", "p99"),
    ("change_lag_p50_ms", "change lag p50"),
    ("change_lag_p99_ms", "p99"),
)


def show(figures: Figures) -> None:
    """Print the figures, then the marks."""
    console = Console(width=150)
    table = Table("cell", *(title for _, title in _COLUMNS), box=None, header_style="bold")
    for name, cell in figures.items():
        if any(key in cell for key, _ in _COLUMNS):
            shown = name + (" VOID" if cell.get("void") else "")
            table.add_row(shown, *(_text(cell.get(key)) for key, _ in _COLUMNS))
    console.print(table)
    for name in figures:
        if name.startswith(_IN_WORDS):
            console.print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in figures[name].items()))
    marks = Table("mark", "measured", "first mark", "ratio", "next mark", "ratio", box=None, header_style="bold")
    for mark in MARKS:
        measured = figures.get(mark.cell, {}).get(mark.figure)
        if isinstance(measured, float | int):
            marks.add_row(*_compared(mark, float(measured)))
    console.print(marks)


def _compared(mark: Mark, measured: float) -> tuple[str, ...]:
    def ratio(goal: float) -> str:
        met = measured <= goal if mark.ceiling else measured >= goal
        return f"{measured / goal:.2f} {'met' if met else 'not met'}"

    relation = "≤" if mark.ceiling else "≥"
    following = (f"≥ {mark.next:g}", ratio(mark.next)) if mark.next else ("", "")
    return (f"{mark.cell} {mark.figure}", f"{measured:g}", f"{relation} {mark.first:g}", ratio(mark.first), *following)


def _text(value: object) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
