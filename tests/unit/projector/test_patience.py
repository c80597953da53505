"""Waiting and ending: a loop that is told to stop stops, whatever it waits for."""

import asyncio

from rollbook_projector.patience import end, pause


async def test_a_task_that_loses_a_cancellation_is_ended_all_the_same() -> None:
    """A library that swallows one cancellation does not keep a partition from being taken up again."""
    lost = asyncio.Event()

    async def loses_one() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(loses_one())
    await asyncio.sleep(0)
    await end(task)

    assert lost.is_set()
    assert task.cancelled()


async def test_a_cancellation_that_comes_with_the_end_of_a_pause_is_not_lost() -> None:
    """Who is cancelled in the moment in which the wait is over is cancelled (before Python 3.12 `wait_for` is not)."""
    stopping = asyncio.Event()
    waiting = asyncio.create_task(pause(stopping, 60))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    stopping.set()
    waiting.cancel()

    await asyncio.wait([waiting])

    assert waiting.cancelled()
