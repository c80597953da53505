"""The key of a change: its text is its id, and its order is that of the log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollbook_contracts.changes.envelope import ChangeKey, decode_change

KEYS = st.builds(ChangeKey, st.integers(1, 99), st.integers(0, 150), st.integers(1, 2**63), st.integers(0, 10_000))


@given(KEYS)
def test_key_is_read_back_from_its_text(key: ChangeKey) -> None:
    """A change's id says where in the log its cause stands."""
    assert ChangeKey.parse(str(key)) == key


def test_keys_of_a_partition_are_in_the_order_of_the_log() -> None:
    """Keys compare by epoch, then by sequence as a number, then by the place among the effects."""
    texts = ["1-00-9-0", "1-00-10-0", "1-00-10-1", "2-00-1-0"]

    assert sorted(texts, key=ChangeKey.parse) == texts


@pytest.mark.parametrize("text", ["", "1-00-1", "1-00-1-0-0", "a-b-c-d"])
def test_other_text_is_no_key(text: str) -> None:
    """What is no id of a change is refused."""
    with pytest.raises(ValueError):  # noqa: PT011  # the kind of error is the promise
        ChangeKey.parse(text)


def test_unknown_change_is_told_from_a_broken_one() -> None:
    """A consumer can skip a type that is newer than it is."""
    with pytest.raises(KeyError):
        decode_change({"ce-type": "user.created.v9"}, b"{}")
