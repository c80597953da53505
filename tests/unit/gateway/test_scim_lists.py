"""Pages: what ``startIndex`` and ``count`` mean."""

import pytest

from rollbook_gateway.scim.errors import ErrorKind, ScimError
from rollbook_gateway.scim.lists import DEFAULT_COUNT, MAX_RESULTS, Page, page


@pytest.mark.parametrize(
    ("start_index", "count", "wanted"),
    [
        (None, None, Page(1, DEFAULT_COUNT)),
        ("1", "2", Page(1, 2)),
        ("0", "0", Page(1, 0)),
        ("-5", "-1", Page(1, 0)),
        ("99999", "100000", Page(99999, MAX_RESULTS)),
        (" 3 ", "+4", Page(3, 4)),
        ("9" * 40, "1", Page(2**31 - 1, 1)),
    ],
)
def test_numbers_are_brought_into_range(start_index: str | None, count: str | None, wanted: Page) -> None:
    """Zero and negatives read as 1 and 0 (M11); a page never holds more than its limit."""
    assert page(start_index, count) == wanted


@pytest.mark.parametrize("text", ["", "one", "1.5", "1_0", "٣", "9" * 41])
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    """Text that is no whole number is ``invalidValue`` and named."""
    with pytest.raises(ScimError, match="count") as refusal:
        page("1", text)

    assert refusal.value.kind is ErrorKind.INVALID_VALUE
