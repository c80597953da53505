"""Bodies: which bytes are a JSON object."""

import pytest

from rollbook_gateway.scim.errors import ErrorKind, ScimError
from rollbook_gateway.scim.json_body import MAX_DEPTH, parse


def nested(depth: int) -> bytes:
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b'{"a":1} x', "JSON"),
        (b'{"a":NaN}', "JSON"),
        (b'{"a":1e999}', "JSON"),
        (b'{"a":"\\ud800"}', "JSON"),
        (b"[]", "object"),
        (b'"x"', "object"),
        (b'{"a":"\xff"}', "UTF-8"),
        (nested(MAX_DEPTH + 1), "32 deep"),
        (nested(100_000), "32 deep"),
    ],
)
def test_body_that_is_no_object_is_refused(body: bytes, word: str) -> None:
    """Anything but a JSON object in UTF-8 is ``invalidSyntax`` with a reason."""
    with pytest.raises(ScimError, match=word) as refusal:
        parse(body)

    assert refusal.value.kind is ErrorKind.INVALID_SYNTAX


def test_depth_counts_nesting_and_not_brackets() -> None:
    """Many lists beside one another are no deep body, and the deepest that is allowed passes."""
    assert parse(b'{"a":[' + b",".join([b"{}"] * 100) + b"]}") == {"a": [{}] * 100}
    assert parse(nested(MAX_DEPTH)).keys() == {"a"}


def test_last_of_two_equal_names_counts() -> None:
    """A name that stands twice has its last value."""
    assert parse(b'{"a":1,"a":2}') == {"a": 2}


def test_byte_order_mark_is_passed_over() -> None:
    """A body that begins with UTF-8's mark is the body behind it; in another encoding it is refused as before."""
    assert parse(b'\xef\xbb\xbf{"a":1}') == {"a": 1}
    with pytest.raises(ScimError, match=r"UTF-8|JSON"):
        parse('{"a":1}'.encode("utf-16"))
