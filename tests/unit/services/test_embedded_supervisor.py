"""The supervisor, over children that do what a test tells them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from rollbook.embedded.child import Child
from rollbook.embedded.errors import GaveUpError, StartFailedError
from rollbook.embedded.process import Process
from rollbook.embedded.supervisor import Backoff, Supervisor, supervise
from support.waiting import until

QUICK = Backoff(first=0.001, longest=0.002, limit=3, settled=0.0)


class ScriptedChild(Child):
    """A child without a process, that starts, fails and ends as told and writes down what happens to it."""

    pid = 0
    log = Path("scripted.log")

    def __init__(self, name: str, story: list[str], *, failing_starts: int = 0) -> None:
        super().__init__()
        self.name = name
        self.story = story
        self.failing_starts = failing_starts
        self.starts = 0
        self.ended = asyncio.Event()

    async def start(self) -> None:
        self.starts += 1
        if self.failing_starts:
            self.failing_starts -= 1
            raise self.start_failed("it was told to fail")
        self.ended.clear()
        self.story.append(f"{self.name} started")

    async def wait(self) -> int:
        await self.ended.wait()
        return 7

    async def stop(self) -> None:
        self.story.append(f"{self.name} stopped")

    async def is_ready(self) -> bool:
        return True

    async def _spawn(self) -> Process:
        raise NotImplementedError


@pytest.fixture
def story() -> list[str]:
    return []


@pytest.fixture
def stop() -> asyncio.Event:
    return asyncio.Event()


def beginning(*stages: list[Child], then: Callable[[], None] = lambda: None) -> Callable[[Supervisor], Awaitable[None]]:
    async def begin(supervisor: Supervisor) -> None:
        for stage in stages:
            await supervisor.start(*stage)
        then()

    return begin


async def test_stages_stop_in_the_reverse_order(story: list[str], stop: asyncio.Event) -> None:
    """What was started last, and may need the others, is stopped first."""
    servers, programs = ScriptedChild("servers", story), ScriptedChild("programs", story)
    await supervise(beginning([servers], [programs], then=stop.set), stop, backoff=QUICK)

    assert story == ["servers started", "programs started", "programs stopped", "servers stopped"]


async def test_child_that_dies_is_started_again(story: list[str], stop: asyncio.Event) -> None:
    """A child that ends is back soon, also when some of the starts fail, and nothing else is stopped."""
    child = ScriptedChild("nats-server", story)
    running = asyncio.create_task(supervise(beginning([child]), stop, backoff=QUICK))
    await until(lambda: child.starts == 1)
    for starts in (3, 5, 7, 9):
        child.failing_starts = 1
        child.ended.set()
        await until(lambda starts=starts: child.starts == starts)  # type: ignore[misc]  # the default binds the loop's value

    stop.set()
    await running
    assert story == ["nats-server started"] * 5 + ["nats-server stopped"]


async def test_child_that_fails_again_and_again_stops_everything(story: list[str], stop: asyncio.Event) -> None:
    """After so many failures in a row all is stopped, and the error names the child, the cause and its log."""
    healthy, broken = ScriptedChild("postgres", story), ScriptedChild("nats-server", story)

    def break_it() -> None:
        broken.failing_starts = 100
        broken.ended.set()

    with pytest.raises(GaveUpError, match=r"nats-server ended 4 times .*told to fail\. Its log is scripted\.log"):
        await supervise(beginning([healthy, broken], then=break_it), stop, backoff=QUICK)

    assert broken.starts == 4
    assert "postgres stopped" in story


async def test_child_that_dies_right_after_each_start_stops_everything(story: list[str], stop: asyncio.Event) -> None:
    """Being ready for a moment does not count as health: such a child is given up too."""
    child = ScriptedChild("gateway", story)
    child.wait = dies_at_once  # type: ignore[method-assign]  # the shortest life there is

    with pytest.raises(GaveUpError, match="exit status 9"):
        await supervise(beginning([child]), stop, backoff=Backoff(first=0.001, limit=3, settled=60))
    assert child.starts == 4


async def dies_at_once() -> int:
    return 9


async def test_first_start_that_fails_stops_what_was_started(story: list[str], stop: asyncio.Event) -> None:
    """A stack that cannot come up says why and leaves nothing running."""
    servers, broken = ScriptedChild("servers", story), ScriptedChild("broken", story, failing_starts=1)
    with pytest.raises(StartFailedError, match="broken did not start: it was told to fail"):
        await supervise(beginning([servers], [broken]), stop, backoff=QUICK)

    assert story == ["servers started", "broken stopped", "servers stopped"]


async def test_stop_during_the_beginning_is_obeyed(story: list[str], stop: asyncio.Event) -> None:
    """Ctrl-C while migrations run ends the beginning and stops what was started."""
    child = ScriptedChild("servers", story)

    async def begin(supervisor: Supervisor) -> None:
        await supervisor.start(child)
        stop.set()
        await asyncio.Event().wait()

    await supervise(begin, stop, backoff=QUICK)
    assert story == ["servers started", "servers stopped"]


async def test_error_of_the_beginning_comes_out_as_it_is(story: list[str], stop: asyncio.Event) -> None:
    """A migration that fails is reported by itself, not wrapped in a group."""

    async def begin(supervisor: Supervisor) -> None:
        await supervisor.start(ScriptedChild("servers", story))
        raise LookupError("no such revision")

    with pytest.raises(LookupError, match="no such revision"):
        await supervise(begin, stop, backoff=QUICK)
    assert story == ["servers started", "servers stopped"]


async def test_cancelling_stops_the_children(story: list[str], stop: asyncio.Event) -> None:
    """A supervisor that is cancelled leaves nothing running."""
    child = ScriptedChild("servers", story)
    running = asyncio.create_task(supervise(beginning([child]), stop, backoff=QUICK))
    await until(lambda: child.starts == 1)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running

    assert story == ["servers started", "servers stopped"]


def test_pauses_grow_to_a_limit() -> None:
    """Each failure in a row doubles the pause, up to the longest."""
    backoff = Backoff(first=0.1, longest=1.0)

    assert [backoff.pause(failures) for failures in (1, 2, 3, 4, 5, 6)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
