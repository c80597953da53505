"""The commands of a page of docs/runbooks, run one after the other as an operator does who follows it."""

import re
import shlex
from pathlib import Path
from types import TracebackType
from typing import Self

from support.fleet import Finished, Fleet

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"
_COMMAND = re.compile(r"^\$ rollbook (.*)$", re.MULTILINE)


class Runbook:
    """A page; whoever leaves its block without an error has run all of its commands."""

    def __init__(self, fleet: Fleet, page: str) -> None:
        self._fleet = fleet
        self._left = _COMMAND.findall((RUNBOOKS / page).read_text(encoding="utf-8"))

    async def next(self, begins: str, **names: str) -> Finished:
        """Run the page's next command, which begins so; ``names`` are put in the place of those on the page."""
        command = self._left.pop(0)
        assert command.startswith(begins), f"the page goes on with {command!r}"
        words = [names.get(word, word) for word in shlex.split(command)]
        return await self._fleet.rollbook(*words, ROLLBOOK_PUBLIC_URL=self._fleet.gateway_urls[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert error is not None or not self._left, f"not followed: {self._left}"
