"""The one fold() by which Rollbook compares text without case; claims hash it, tables store it, filters apply it."""

import unicodedata


def fold(text: str) -> str:
    """Return ``text`` in the form by which case-insensitive values are compared.

    NFKC before and after casefolding (Unicode D145, NFKC_Casefold without its ignorables), so that a second fold
    changes nothing. SQL never folds: every folded column holds what this function returned.
    """
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold())


def fold_name(text: str) -> str:
    """Return a userName in the form by which it is claimed and matched: folded, without the blanks around it.

    A name without such blanks has the form that ``fold`` gives it.
    """
    return fold(text.strip())


def fold_reference(text: str) -> str:
    """Return the form by which values that name people are looked up.

    Whatever two texts are equal by any of the ways in which people are matched, they have the same.
    """
    return fold(text).strip()
