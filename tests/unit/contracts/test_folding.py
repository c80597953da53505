"""fold(): text compared without case has one form, for ever."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollbook_contracts.folding import fold, fold_name, fold_reference

GOLDEN: dict[str, str] = json.loads(
    (Path(__file__).parents[2] / "contract" / "golden" / "fold.json").read_text(encoding="utf-8")
)
TRICKY = st.text(st.one_of(st.sampled_from("".join(GOLDEN)), st.characters(codec="utf-8")))


@pytest.mark.parametrize("text", GOLDEN, ids=ascii)
def test_text_folds_as_it_always_did(text: str) -> None:
    """Stored columns and claims were made by these results."""
    assert fold(text) == GOLDEN[text]


@given(TRICKY)
def test_a_second_fold_changes_nothing(text: str) -> None:
    """What is folded compares equal to itself folded again: columns hold a fixed point."""
    assert fold(fold(text)) == fold(text)


@given(TRICKY)
def test_no_fold_makes_what_cannot_be_stored(text: str) -> None:
    """Text without U+0000 stays without, so that it fits into a column."""
    assert "\0" not in fold(text.replace("\0", ""))


@given(st.text(st.characters(codec="ascii")))
def test_plain_text_is_lowered(text: str) -> None:
    """The short cut for ASCII gives what the long way would."""
    assert fold(text) == (fold("\u00e9" + text)).removeprefix("\u00e9")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("stra\u00dfe", "STRASSE"),
        ("\u0391\u03a3", "\u03b1\u03c2"),
        ("\uff21da", "ada"),
        ("\ufb00", "FF"),
        ("\u212b", "a\u030a"),
    ],
)
def test_people_see_the_same_text(one: str, other: str) -> None:
    """Spellings that differ in case, width, ligatures or composition are one."""
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("i", "\u0131"), ("a", "\u00e0"), ("o", "\u00f8"), ("a", "\u0430")])
def test_other_letters_stay_apart(one: str, other: str) -> None:
    """Accents, dotless i and look-alikes of other scripts are different people."""
    assert fold(one) != fold(other)


@given(TRICKY)
def test_a_name_without_blanks_around_it_folds_as_it_always_did(text: str) -> None:
    """Claims of userNames were made by ``fold``; they are found again unless blanks stood around the name."""
    assert fold_name(text.strip()) == fold(text.strip())


@given(TRICKY, st.sampled_from(["", " ", "\t ", "\u3000", "\u00a0\n"]), st.sampled_from(["", " ", "\u2003"]))
def test_blanks_around_a_name_do_not_count(text: str, before: str, behind: str) -> None:
    """Whichever blanks stand around it, the name is the same, and references to it are looked up by the same form."""
    sent = before + text + behind

    assert fold_name(sent) == fold_name(text)
    assert {fold_reference(form) for form in (sent, text, fold(sent), fold_name(sent))} == {fold_reference(text)}
