"""Dates as identity providers write them, read widely and compared as instants; the text sent is kept elsewhere."""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

_ISO: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?\s*(Z|z|[+-]\d\d:?[0-5]\d)?",
    re.ASCII,
)
_AMERICAN: Final = re.compile(
    r"(\d{1,2})/(\d{1,2})/(\d{4})(?: (\d{1,2}):(\d\d)(?::(\d\d))?(?: ([AaPp])[Mm])?)?\s*(Z|z|[+-]\d\d:?[0-5]\d)?",
    re.ASCII,
)


@lru_cache(maxsize=4096)  # hire dates repeat, and each fact of a replay has one
def parse_datetime(text: str) -> datetime | None:
    """Read an ISO 8601 date or date-time (0 to 9 digits of a second's fraction) or an American one.

    The answer keeps the zone, UTC where none is sent, so that its date is the date sent; digits beyond microseconds are
    dropped; 24:00:00 is the first instant of the next day (XML Schema, dateTime); ``None`` where it is no date.
    """
    text = text.strip()
    midnight = False
    try:
        if match := _ISO.fullmatch(text):
            year, month, day, hour, minute, second, fraction, zone = match.groups()
            midnight = hour == "24" and not f"{minute}{second or ''}{fraction or ''}".strip("0")
            micro = int((fraction or "0")[:6].ljust(6, "0"))
        elif match := _AMERICAN.fullmatch(text):
            month, day, year, hour, minute, second, half, zone = match.groups()
            hour, micro = _hour_of_day(hour, half), 0
        else:
            return None
        moment = datetime(
            int(year),
            int(month),
            int(day),
            0 if midnight else int(hour or 0),
            int(minute or 0),
            int(second or 0),
            micro,
            _zone(zone),
        )
        return moment + timedelta(days=1) if midnight else moment
    except (ValueError, OverflowError):  # no day of the calendar, or the day behind its last
        return None


def instant(text: str) -> str | None:
    """Return a date-time as text of one width in UTC, so that the order of texts is the order of instants."""
    moment = parse_datetime(text)
    try:
        return None if moment is None else format_instant(moment)
    except OverflowError:  # the first or the last day of the calendar, in a zone that leads out of it
        return None


def format_instant(moment: datetime) -> str:
    """Return RFC 3339 in UTC with six digits of a second's fraction, e.g. ``2026-11-24T03:44:43.000000Z``."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def _hour_of_day(hour: str | None, half: str | None) -> str | None:
    if hour is None or half is None:
        return hour
    if not 1 <= int(hour) <= 12:
        raise ValueError(hour)
    return str(int(hour) % 12 + (12 if half in "Pp" else 0))


def _zone(text: str | None) -> timezone:
    if text is None or text in "Zz":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)
