"""Warnings before tokens end: at 30, 7 and 1 days, each once."""

from datetime import UTC, datetime, timedelta

import pytest
import structlog

from rollbook_gateway.admission.expiry import EndingToken, ExpiryWatch, warning

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("left", "due"),
    [
        (timedelta(days=31), None),
        (timedelta(days=30, seconds=1), None),
        (timedelta(days=30), 30),
        (timedelta(days=7, seconds=1), 30),
        (timedelta(days=7), 7),
        (timedelta(days=1, seconds=1), 7),
        (timedelta(days=1), 1),
        (timedelta(seconds=1), 1),
        (timedelta(0), 0),
        (timedelta(days=-3), 0),
    ],
)
def test_the_warning_is_the_least_that_is_left(left: timedelta, due: int | None) -> None:
    """30, 7 or 1 days, 0 for what is over, nothing before."""
    assert warning(NOW + left, NOW) == due


def test_each_warning_is_logged_once() -> None:
    """A watch that looks again and again tells each step of a token's end one time, and no secret."""
    watch = ExpiryWatch(None, every=1)
    token = EndingToken("aaaaaaaaaaaa", "ten_a", "acme", "token", "Entra", NOW + timedelta(days=40))
    with structlog.testing.capture_logs() as lines:
        for day in range(42):
            for _ in range(3):
                watch.tell([token], NOW + timedelta(days=day))

    assert [(line["event"], line["days"], line["log_level"]) for line in lines] == [
        ("token.expires_soon", 30, "warning"),
        ("token.expires_soon", 7, "warning"),
        ("token.expires_soon", 1, "warning"),
        ("token.expired", 0, "warning"),
    ]
    assert {(line["tenant_name"], line["key_id"], line["label"]) for line in lines} == {
        ("acme", "aaaaaaaaaaaa", "Entra")
    }
