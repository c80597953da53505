"""The tags of groups: what they count, and whether a condition names the present one; asked by the group requests.

A tag counts what its answer shows: ``17`` the head alone, ``17.42`` the members, too. The second number is a place in
the log: nothing that is shown of the members changed behind it. So the tag of a write, which is answered before anybody
knows whether its members differ from those before, holds as long as one that a GET gives.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_TAG: Final = re.compile(r'(?:W/)?"(\d{1,19})(?:\.(\d{1,19}))?"')


class _Tag(NamedTuple):
    head: int
    shown: int | None


def head_version(head: int) -> str:
    """Return the version of a group that is shown without members, by the last sequence of its head."""
    return f"{head}"


def whole_version(head: int, shown: int) -> str:
    """Return the version of a group with members; ``shown`` is where they changed last, or any place behind it."""
    return f"{head}.{shown}"


def names_any(condition: str) -> bool:
    """Say whether a condition holds for whatever is there."""
    return condition.strip() == "*"


def names_head(condition: str, head: int) -> bool:
    """Say whether a condition names the group without members as it is."""
    return any(tag == (head, None) for tag in _tags(condition))


def may_name_whole(condition: str, head: int) -> bool:
    """Say whether it depends on the members alone that a condition names the group with members."""
    return any(tag.head == head and tag.shown is not None for tag in _tags(condition))


def names_whole(condition: str, head: int, shown: int) -> bool:
    """Say whether a condition names the group with members as it is."""
    return any(tag.head == head and tag.shown is not None and tag.shown >= shown for tag in _tags(condition))


def _tags(condition: str) -> Iterator[_Tag]:
    for sent in condition.split(","):
        if found := _TAG.fullmatch(sent.strip()):
            head, shown = found.groups()
            yield _Tag(int(head), None if shown is None else int(shown))
