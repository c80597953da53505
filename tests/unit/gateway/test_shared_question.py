"""Who shares a question with whom; gateway/rollbook_gateway/log/shared_question.py."""

import asyncio

import pytest

from rollbook_gateway.log.port import UnavailableError
from rollbook_gateway.log.shared_question import SharedQuestion


class Leader:
    """Answers when told to; counts how often it was asked."""

    def __init__(self) -> None:
        self.questions: list[asyncio.Future[int]] = []

    async def head(self) -> int:
        question: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.questions.append(question)
        return await question


async def turns(count: int = 5) -> None:
    """Let everything that is ready run."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_callers_at_once_share_one_question() -> None:
    """A hundred callers cost the leader one answer."""
    leader = Leader()
    head = SharedQuestion(leader.head)
    callers = [asyncio.create_task(head.ask()) for _ in range(100)]
    await turns()
    (question,) = leader.questions
    question.set_result(7)

    assert await asyncio.gather(*callers) == [7] * 100


async def test_caller_never_gets_the_answer_to_an_earlier_question() -> None:
    """Who comes while a question is under way waits for the next: its own write may be newer than that answer."""
    leader = Leader()
    head = SharedQuestion(leader.head)
    early = asyncio.create_task(head.ask())
    await turns()
    late = [asyncio.create_task(head.ask()) for _ in range(3)]
    await turns()
    leader.questions[0].set_result(7)
    await turns()
    assert not any(caller.done() for caller in late)
    leader.questions[1].set_result(8)

    assert await early == 7
    assert await asyncio.gather(*late) == [8, 8, 8]
    assert len(leader.questions) == 2


async def test_failure_reaches_those_who_waited_for_it_and_nobody_else() -> None:
    """A question that fails fails its callers, one that gave up disturbs nobody, and the next caller asks anew."""
    leader = Leader()
    head = SharedQuestion(leader.head)
    gone, waiting = asyncio.create_task(head.ask()), asyncio.create_task(head.ask())
    await turns()
    gone.cancel()
    await turns()
    leader.questions[0].set_exception(UnavailableError("away"))
    with pytest.raises(UnavailableError):
        await waiting
    again = asyncio.create_task(head.ask())
    await turns()
    leader.questions[1].set_result(9)

    assert await again == 9
