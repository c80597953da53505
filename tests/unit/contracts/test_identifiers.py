"""Ids: typed, in the order of their time, and safe in subjects."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollbook_contracts.identifiers import derived_id, encode_bits, kind_of, new_id, subject_token, uuid7_bits

MILLISECONDS = st.integers(0, 2**48 - 1)
RANDOM = st.integers(0, 2**74 - 1)
AWKWARD = st.text(st.one_of(st.sampled_from(". * > \r\n\t=_-\x00%\u00fcA0\U0001f600"), st.characters(codec="utf-8")))


@pytest.mark.parametrize("kind", ["ten", "usr", "grp", "req"])
def test_id_tells_its_kind(kind: str) -> None:
    """An id of each kind is known as one of its kind."""
    assert kind_of(new_id(kind)) == kind  # type: ignore[arg-type]  # each is one of the four kinds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "usr_",
        "usr",
        "usr_01kb1cbm8sfvnm0g2v3w4x5y7",
        "usr_01kb1cbm8sfvnm0g2v3w4x5y700",
        "usr_01KB1CBM8SFVNM0G2V3W4X5Y70",
        "usr_81kb1cbm8sfvnm0g2v3w4x5y70",
        "usr_01kb1cbm8sfvnm0g2v3w4x5yil",
        "dev_01kb1cbm8sfvnm0g2v3w4x5y70",
        "usr_01kb1cbm8sfvnm0g2v3w4x5y70\n",
        "ada@contoso.com",
    ],
)
def test_other_text_has_no_kind(text: str) -> None:
    """Text that only looks like an id, of the wrong length, case or alphabet, is none."""
    assert kind_of(text) is None


@given(MILLISECONDS, RANDOM)
def test_bits_are_a_uuid_version_7(milliseconds: int, randomness: int) -> None:
    """The bits hold version and variant of RFC 9562 and the time in front."""
    made = uuid.UUID(int=uuid7_bits(milliseconds, randomness))

    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == milliseconds


@given(st.tuples(MILLISECONDS, RANDOM), st.tuples(MILLISECONDS, RANDOM))
def test_ids_sort_by_time(one: tuple[int, int], other: tuple[int, int]) -> None:
    """The order of texts is the order of milliseconds, and different bits are different texts."""
    first, second = encode_bits(uuid7_bits(*one)), encode_bits(uuid7_bits(*other))

    if one[0] != other[0]:
        assert (first < second) == (one[0] < other[0])
    assert (first == second) == (one == other)
    assert kind_of(f"usr_{first}") == "usr"


def test_clock_and_chance_are_passed_in() -> None:
    """The same moment and the same random bits make the same id."""

    def made() -> str:
        return new_id("usr", clock=lambda: 1_732_420_000.5, random_bits=lambda bits: 2**bits - 1)

    assert made() == made() == "usr_01jde4epqmfzzvzzzzzzzzzzzz"


def test_id_of_a_name_never_changes() -> None:
    """It is what keeps a name from being given twice: made again, by any version, it is the same."""
    assert derived_id("ten", "acme") == "ten_2wt07tfsaqhq8s08z1s2tz5ph6"
    assert kind_of(derived_id("ten", "acme")) == "ten"
    assert derived_id("ten", "acme") != derived_id("ten", "acme2")


@given(AWKWARD, AWKWARD)
def test_subject_tokens_are_injective(one: str, other: str) -> None:
    """Different texts never share a token, and every token is a single plain one."""
    first, second = subject_token(one), subject_token(other)

    assert (first == second) == (one == other)
    assert first
    assert all(character.isascii() and (character.isalnum() or character in "_-=") for character in first)


def test_ids_are_their_own_tokens() -> None:
    """An id that was made here stands in a subject as it is."""
    made = new_id("usr")

    assert subject_token(made) == made
