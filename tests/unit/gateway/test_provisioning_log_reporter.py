"""Entries leave without anybody waiting; what cannot leave waits, and what does not fit is counted."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from rollbook_contracts.requests.codec import RequestsAnswered, decode_page
from rollbook_contracts.requests.entry import Entry
from rollbook_gateway.provisioning_log.reporter import PAGE, Reporter
from support.provisioning_log import GATEWAY, SINCE, an_entry


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LINGER_SECONDS", "RETRY_SECONDS", "COUNTS_SECONDS"):
        monkeypatch.setattr(f"rollbook_gateway.provisioning_log.reporter.{name}", 0.01)
    monkeypatch.setattr("rollbook_gateway.provisioning_log.reporter.CLOSE_SECONDS", 0.1)


@dataclass(slots=True)
class Stream:
    """Takes pages, refuses them or hangs, as the test wants."""

    pages: list[RequestsAnswered] = field(default_factory=list)
    trouble: Exception | None = None
    hangs: bool = False

    async def send(self, headers: Mapping[str, str], body: bytes) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.trouble is not None:
            raise self.trouble
        self.pages.append(decode_page(headers, body))

    @property
    def entries(self) -> list[Entry]:
        return [entry for page in self.pages for entry in page.entries]


def a_reporter(stream: Stream, most_waiting: int = 10_000) -> Reporter:
    return Reporter(stream.send, gateway=GATEWAY, now=lambda: SINCE, most_waiting=most_waiting)


@asynccontextmanager
async def reporting(reporter: Reporter) -> AsyncIterator[None]:
    task = asyncio.create_task(reporter.report())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # a task of the reporter's makes it true
            await asyncio.sleep(0.005)


async def test_entries_go_by_the_page_in_their_order() -> None:
    """Those that wait together go together, so many at most."""
    stream, entries = Stream(), [an_entry() for _ in range(PAGE + 5)]
    reporter = a_reporter(stream)
    for entry in entries:
        reporter.record(entry)
    async with reporting(reporter):
        await until(lambda: len(stream.entries) == len(entries))

    assert stream.entries == entries
    assert [(page.gateway, page.since) for page in stream.pages] == [(GATEWAY, SINCE)] * len(stream.pages)


async def test_page_is_no_larger_than_the_server_takes() -> None:
    """Entries of the greatest length are divided among more pages."""
    stream, entries = Stream(), [an_entry(detail="ä" * 1000, notes=("ö" * 1000,) * 20) for _ in range(20)]
    reporter = a_reporter(stream)
    for entry in entries:
        reporter.record(entry)
    async with reporting(reporter):
        await until(lambda: len(stream.entries) == len(entries))

    assert stream.entries == entries
    assert len(stream.pages) > 5


async def test_what_is_refused_is_sent_again() -> None:
    """Nothing is lost while the stream is away for a moment."""
    stream = Stream(trouble=ConnectionError("not connected"))
    reporter = a_reporter(stream)
    async with reporting(reporter):
        reporter.record(first := an_entry())
        await asyncio.sleep(0.05)
        reporter.record(second := an_entry())
        stream.trouble = None
        await until(lambda: len(stream.entries) == 2)

    assert stream.entries == [first, second]


async def test_nobody_waits_and_what_does_not_fit_is_counted() -> None:
    """While the stream hangs, recording goes on at once; the first so many are kept, the others are told as lost."""
    stream, entries = Stream(hangs=True), [an_entry() for _ in range(30)]
    reporter = a_reporter(stream, most_waiting=10)
    async with reporting(reporter):
        reporter.record(entries[0])
        await asyncio.sleep(0.05)
        for entry in entries[1:]:
            reporter.record(entry)  # no await: it cannot wait

    stream.hangs = False
    async with reporting(reporter):
        await until(lambda: bool(stream.pages))

    assert stream.entries == entries[:10]
    assert stream.pages[0].lost == 20


async def test_counts_are_told_also_where_nothing_else_is() -> None:
    """Requests of strangers alone make a page, and one page for many of them."""
    stream = Stream()
    reporter = a_reporter(stream)
    async with reporting(reporter):
        for _ in range(50):
            reporter.count_unadmitted()
        await until(lambda: bool(stream.pages))

    assert (stream.pages[0].unadmitted, stream.entries) == (50, [])
    assert len(stream.pages) == 1


async def test_what_waits_at_the_end_is_sent() -> None:
    """A gateway that ends in order takes nothing with it, unless the stream hangs."""
    stream = Stream()
    reporter = a_reporter(stream)
    async with reporting(reporter):
        await asyncio.sleep(0)
        reporter.record(an_entry())
    assert len(stream.entries) == 1

    stream.hangs = True
    async with asyncio.timeout(5), reporting(reporter):
        await asyncio.sleep(0)
        reporter.record(an_entry())
