"""Which writes go together; gateway/rollbook_gateway/log/coalescer.py."""

import asyncio
from collections.abc import Sequence
from typing import cast

from rollbook_gateway.log import frames
from rollbook_gateway.log.coalescer import Limits, Pending, go_singly, overtaken, take
from support.writes import write

NOW = 100.0
ANY_NUMBER = 1_000


def pending(
    *subjects: str, expected: int = 0, size: int = 10, deadline: float = NOW + 5, beside: str | None = None
) -> Pending:
    """Return a waiting write of one message for each subject."""
    each = write(*((subject, expected) for subject in subjects))
    return Pending(
        write=each,
        encoded=[frames.encode(message) for message in each.messages],
        subjects=frozenset(subjects),
        size=size,
        deadline=deadline,
        answer=cast("asyncio.Future[int]", None),  # nobody waits
        beside=frozenset([beside] if beside else []),
    )


def taken(
    waiting: Sequence[Pending], limits: Limits | None = None, at_most: int = ANY_NUMBER
) -> tuple[list[int], list[int]]:
    """Return the places of those that go and of those that wait on."""
    batch, rest = take(waiting, limits or Limits(), now=NOW, at_most=at_most)
    places = {id(each): place for place, each in enumerate(waiting)}
    return [places[id(each)] for each in batch], [places[id(each)] for each in rest]


def test_writes_without_a_subject_in_common_go_together() -> None:
    """Everything that waits goes into one batch, in the order in which it came."""
    assert taken([pending("a", "b"), pending("c"), pending("d")]) == ([0, 1, 2], [])


def test_later_write_on_a_subject_waits() -> None:
    """Of two writes that share a subject the earlier goes; who comes behind and shares nothing goes, too."""
    assert taken([pending("a", "b"), pending("b", "c"), pending("d")]) == ([0, 2], [1])


def test_write_behind_one_that_waits_waits_too() -> None:
    """Nobody overtakes on a subject, even when the one in front waits itself."""
    assert taken([pending("a"), pending("a", "b"), pending("b")]) == ([0], [1, 2])


def test_who_guards_a_subject_beside_it_waits_for_those_who_write_it_and_they_for_it() -> None:
    """Those who only guard it go together, and not with its writers, in the order in which they came."""
    readers = [pending("a", beside="t"), pending("b", beside="t")]

    assert taken(readers) == ([0, 1], [])
    assert taken([*readers, pending("t"), pending("c", beside="t")]) == ([0, 1], [2, 3])
    assert taken([pending("t"), *readers, pending("d")]) == ([0, 3], [1, 2])
    batch, rest = take(readers, Limits(), now=NOW, at_most=3, under_way=[pending("t")])
    assert (batch, rest) == ([], readers)


def test_write_that_is_held_back_holds_its_subjects() -> None:
    """After a refusal for the time being a write pauses, and later ones on its subjects with it."""
    held = pending("a")
    held.not_before = NOW + 1

    assert taken([held, pending("a", "b"), pending("c")]) == ([2], [0, 1])


def test_batch_ends_before_the_write_that_does_not_fit() -> None:
    """A write is never split, and a small one does not slip past a large one that would then wait for ever."""
    waiting = [pending("a", "b"), pending("c", "d"), pending("e")]

    assert taken(waiting, Limits(messages=3)) == ([0], [1, 2])


def test_batch_ends_at_its_size() -> None:
    """Large documents do not make the batch as large as their number allows; one that is too large goes alone."""
    waiting = [pending("a", size=900), pending("b", size=200), pending("c", size=10)]

    assert taken(waiting, Limits(size=1000)) == ([0], [1, 2])
    assert taken(waiting, Limits(size=100)) == ([0], [1, 2])


def test_smaller_batches_find_out_who_is_refused() -> None:
    """No more writes go together than the lane asks for."""
    assert taken([pending("a"), pending("b"), pending("c")], at_most=2) == ([0, 1], [2])


def test_write_past_its_deadline_is_dropped() -> None:
    """Its caller was told; nothing more is sent, and nobody waits for it."""
    assert taken([pending("a", deadline=NOW), pending("a")]) == ([1], [])


def test_few_single_messages_go_singly() -> None:
    """Publishes side by side are sooner than a batch while there are few; a write of several messages needs a batch."""
    singles = [pending(f"s{number}") for number in range(17)]

    assert go_singly(singles[:16])
    assert go_singly(singles[:10], beside=6)
    assert not go_singly(singles)
    assert not go_singly(singles[:10], beside=7)
    assert not go_singly([pending("a", "b")])
    assert not go_singly([])


def test_nobody_overtakes_what_is_under_way() -> None:
    """A write on a subject that is being written to waits, and whoever shares a subject with it waits behind it."""
    waiting = [pending("a", "b"), pending("b"), pending("c")]

    batch, rest = take(waiting, Limits(), now=NOW, at_most=3, under_way=[pending("a")])

    assert (batch, rest) == ([waiting[2]], waiting[:2])


def test_stale_guard_is_found_without_the_server() -> None:
    """A subject that stands beyond a guard refuses it for ever; one that stands at it, or another subject, does not."""
    stale, fresh, other = pending("a", "b", expected=3), pending("a", expected=7), pending("c", expected=1)

    assert [(stale, "a", 7)] == overtaken([stale, fresh, other], {"a": 7})


def test_write_in_doubt_is_not_refused_by_arithmetic() -> None:
    """What stands beyond the guard may be the write's own copy: only the log can tell."""
    doubtful = pending("a", expected=3)
    doubtful.uncertain = True

    assert overtaken([doubtful], {"a": 7}) == []
