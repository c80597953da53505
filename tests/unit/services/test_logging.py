"""Log lines: JSON, one a line, and never what a person's request held."""

import io
from collections.abc import Iterator

import msgspec
import pytest
import structlog

from rollbook.logging import configure_logging


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_a_failure_is_logged_without_the_values_of_variables() -> None:
    """The traceback of an unexpected error names places, not what the variables held."""
    stream = io.StringIO()
    configure_logging("info", stream)

    def fail() -> None:
        password = "correct horse"  # noqa: F841  # what must not show
        raise ValueError("broken")

    try:
        fail()
    except ValueError as error:
        structlog.get_logger().error("request.failed", request_id="req_1", exc_info=error)

    line = msgspec.json.decode(stream.getvalue())
    assert line["event"] == "request.failed"
    assert "ValueError" in stream.getvalue()
    assert "correct horse" not in stream.getvalue()
