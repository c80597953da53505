"""A question asked once for all who ask at the same time: a partition's head, or whether its leader still leads."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

_Answer = TypeVar("_Answer")


class SharedQuestion(Generic[_Answer]):
    """One question to the leader at a time.

    Who comes while it is under way shares the next one: an answer must be newer than the request that waits for it.
    """

    def __init__(self, question: Callable[[], Awaitable[_Answer]]) -> None:
        self._question = question
        self._callers: list[asyncio.Future[_Answer]] = []
        self._asking: asyncio.Task[None] | None = None

    async def ask(self) -> _Answer:
        caller: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
        self._callers.append(caller)
        if self._asking is None:
            self._asking = asyncio.create_task(self._serve())
        return await caller

    async def _serve(self) -> None:
        while self._callers:
            callers, self._callers = self._callers, []
            try:
                answer = await self._question()
            except Exception as error:  # noqa: BLE001  # whatever it is, those who wait must hear of it
                for caller in callers:
                    if not caller.done():
                        caller.set_exception(error)
            else:
                for caller in callers:
                    if not caller.done():
                        caller.set_result(answer)
        self._asking = None
