"""Errors: how a sent value is quoted to a person."""

import pytest

from rollbook_gateway.scim.errors import shown


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ("ada", '"ada"'),
        (True, "true"),
        (None, "null"),
        ({"a": ["ß"]}, '{"a": ["ß"]}'),
        ("a\0b", '"a\\x00b"'),
        ("\ud800", '"\\ud800"'),
    ],
)
def test_value_is_quoted_as_json_in_printable_letters(value: object, quoted: str) -> None:
    """Values look as they were sent, and nothing unprintable gets into a message."""
    assert shown(value) == quoted


def test_long_value_is_shortened() -> None:
    """A message does not repeat a whole body."""
    assert shown("x" * 10_000) == '"' + "x" * 77 + '…"'
