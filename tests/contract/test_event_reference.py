"""docs/events.md says what the catalogs hold."""

from support.event_reference import DOCUMENT, event_reference


def test_event_reference_is_current() -> None:
    """The page was made anew after the last change of an event: run tests/support/event_reference.py."""
    assert DOCUMENT.read_text(encoding="utf-8") == event_reference()
