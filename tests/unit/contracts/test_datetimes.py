"""Dates as providers write them, and the one form in which they are compared."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollbook_contracts.datetimes import format_instant, instant, parse_datetime


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-08-07T12:34:56.1234567Z", "2026-08-07T12:34:56.123456Z"),
        ("2026-08-07T12:34:56.123456789Z", "2026-08-07T12:34:56.123456Z"),
        ("2026-08-07T12:34:56.5Z", "2026-08-07T12:34:56.500000Z"),
        ("2026-08-07T12:34:56Z", "2026-08-07T12:34:56.000000Z"),
        ("2026-08-07t12:34:56z", "2026-08-07T12:34:56.000000Z"),
        ("2026-08-07T12:34:56+00:00", "2026-08-07T12:34:56.000000Z"),
        ("2026-08-07T12:34:56-0730", "2026-08-07T20:04:56.000000Z"),
        ("2026-08-07 12:34", "2026-08-07T12:34:00.000000Z"),
        ("2026-08-07T12:34:56", "2026-08-07T12:34:56.000000Z"),
        ("2024-01-15", "2024-01-15T00:00:00.000000Z"),
        (" 2024-01-15 ", "2024-01-15T00:00:00.000000Z"),
        ("1/15/2024 12:00:00 AM", "2024-01-15T00:00:00.000000Z"),
        ("1/15/2024 12:00:00 PM", "2024-01-15T12:00:00.000000Z"),
        ("1/15/2024 1:02:03 pm", "2024-01-15T13:02:03.000000Z"),
        ("01/15/2024", "2024-01-15T00:00:00.000000Z"),
        ("1/15/2024 12:00:00 AM +02:00", "2024-01-14T22:00:00.000000Z"),
        ("1/15/2024 23:59", "2024-01-15T23:59:00.000000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
        ("2024-02-29", "2024-02-29T00:00:00.000000Z"),
        ("2024-01-15T24:00:00Z", "2024-01-16T00:00:00.000000Z"),
        ("2023-12-31T24:00:00.000-05:00", "2024-01-01T05:00:00.000000Z"),
        ("2024-02-28 24:00", "2024-02-29T00:00:00.000000Z"),
    ],
)
def test_date_becomes_an_instant(text: str, wanted: str) -> None:
    """Every form that a provider was seen to send is read (P07, P08), with its zone, UTC where it has none."""
    assert instant(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2024-13-01",
        "2023-02-29",
        "15/1/2024",
        "2024-1-15",
        "2024-01-15T25:00:00Z",
        "2024-01-15T24:00:01Z",
        "2024-01-15T24:01:00Z",
        "2024-01-15T24:00:00.0000001Z",
        "9999-12-31T24:00:00Z",
        "1/15/2024 24:00",
        "2024-01-15T12:60:00Z",
        "2024-01-15T12:00:00+02:60",
        "2024-01-15T12:00:00+24:00",
        "2024-01-15T12:00:00.Z",
        "2024-01-15T12:00:00.1234567890Z",
        "1/15/2024 13:00 PM",
        "1/15/2024 0:00 AM",
        "\u0662\u0660\u0662\u0664-01-15",
        "20240115",
        "1705276800",
        "2024-01-15\n2024-01-15",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    """Nothing is guessed: what is not a date of the calendar is refused, never raised about."""
    assert parse_datetime(text) is None
    assert instant(text) is None


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_instants_outside_the_calendar_are_none(text: str) -> None:
    """A date whose instant no calendar holds has none, though it can be read."""
    assert parse_datetime(text) is not None
    assert instant(text) is None


def test_date_stays_the_date_that_was_sent() -> None:
    """The zone is kept, so that midnight in the east is not the day before."""
    moment = parse_datetime("2024-01-15T00:00:00+05:00")

    assert moment is not None
    assert moment.date().isoformat() == "2024-01-15"


MOMENTS = st.datetimes(timezones=st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone)).filter(
    lambda moment: 1 < moment.year < 9999
)


@given(MOMENTS, MOMENTS)
def test_order_of_texts_is_the_order_of_instants(one: datetime, other: datetime) -> None:
    """Text of one width in UTC sorts as time does, and reads back as the same instant."""
    first, second = format_instant(one), format_instant(other)

    assert len(first) == len(second) == 27
    assert (first < second, first == second) == (one < other, one == other)
    assert parse_datetime(first) == one.astimezone(UTC)


@given(st.text())
def test_no_text_raises(text: str) -> None:
    """Whatever is sent is a date or is none."""
    assert instant(text) is None or parse_datetime(text) is not None
