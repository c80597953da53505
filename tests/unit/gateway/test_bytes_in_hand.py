"""Room for bodies and answers: whom it is given to, who waits, and what becomes of those who stop waiting."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollbook_gateway.admission.bytes_in_hand import FORESEEN, BytesInHand, Held, NoRoomError


def room(patience: float = 5.0) -> BytesInHand:
    return BytesInHand(most=100, most_of_one=60, patience=patience)


async def test_an_organization_has_its_share_and_all_have_the_whole() -> None:
    """What does not fit waits until room comes free, its own or that of others, and no longer."""
    in_hand = room()
    first = await in_hand.hold("a", 50)
    waits_for_share = asyncio.create_task(in_hand.hold("a", 20))
    await in_hand.hold("b", 40)
    waits_for_all = asyncio.create_task(in_hand.hold("c", 20))
    await asyncio.sleep(0)
    assert not waits_for_share.done()
    assert not waits_for_all.done()
    first.release()
    await asyncio.gather(waits_for_share, waits_for_all)
    assert in_hand.total == 80


async def test_organizations_take_turns() -> None:
    """Of those who wait for room one of each organization goes after the other."""
    in_hand, order = room(), list[str]()
    taken = await in_hand.hold("x", 60), await in_hand.hold("y", 40)

    async def go(organization: str) -> None:
        held = await in_hand.hold(organization, 60)
        order.append(organization)
        await asyncio.sleep(0)
        held.release()

    tasks = [asyncio.create_task(go(organization)) for organization in "aaaab"]
    await asyncio.sleep(0)
    for held in taken:
        held.release()
    await asyncio.gather(*tasks)
    assert order == ["a", "b", "a", "a", "a"]


async def test_what_is_larger_than_a_share_goes_alone() -> None:
    """Nobody is refused for the size of what is allowed by itself."""
    in_hand = room()
    held = await in_hand.hold("a", 500)
    waiting = asyncio.create_task(in_hand.hold("b", 1))
    await asyncio.sleep(0)
    assert not waiting.done()
    held.release()
    await waiting


async def test_who_waits_in_vain_is_told_and_keeps_nobody_out() -> None:
    """Those behind one that gave up have their turn at once."""
    in_hand = room(patience=0.05)
    await in_hand.hold("a", 50)
    too_much = asyncio.create_task(in_hand.hold("a", 20))
    await asyncio.sleep(0.03)
    fits = asyncio.create_task(in_hand.hold("a", 5))
    with pytest.raises(NoRoomError):
        await too_much
    assert (await fits).size == 5


async def test_an_answer_is_foreseen_as_large_as_the_largest_was() -> None:
    """An organization whose groups are larger than a page's members has fewer of them read at once."""
    in_hand = BytesInHand(most=10 * FORESEEN, most_of_one=4 * FORESEEN, patience=0.01)
    assert (await in_hand.hold_for_answer("a")).size == FORESEEN
    in_hand.note_answer("a", 3 * FORESEEN)
    assert (await in_hand.hold_for_answer("a")).size == 3 * FORESEEN
    assert (await in_hand.hold_for_answer("b")).size == FORESEEN


steps = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(1, 80), st.sampled_from(["hold", "release", "cancel"])), max_size=30
)


@given(steps)
def test_whatever_happens_the_bound_holds_and_nothing_is_left(taken: list[tuple[str, int, str]]) -> None:
    """Never are more bytes held than all may have, but for one that goes alone; at the end none are."""

    async def play() -> None:
        in_hand = room()
        waiting: list[asyncio.Task[Held]] = []
        held: list[Held] = []
        for organization, size, what in taken:
            if what == "hold":
                waiting.append(asyncio.create_task(in_hand.hold(organization, size)))
            elif what == "cancel" and waiting:
                waiting.pop(size % len(waiting)).cancel()
            elif what == "release" and held:
                held.pop(size % len(held)).release()
            if size % 2:
                await asyncio.sleep(0)
            done = [task for task in waiting if task.done()]
            held += [task.result() for task in done]
            waiting = [task for task in waiting if task not in done]
            assert in_hand.total <= 100
        while waiting or held:
            while held:
                held.pop().release()
            await asyncio.sleep(0)
            held = [task.result() for task in waiting if task.done()]
            waiting = [task for task in waiting if not task.done()]
        assert in_hand.total == 0

    asyncio.run(play())
