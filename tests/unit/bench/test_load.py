"""The load client: what it sends is fit to be sent, what comes back is counted rightly however it is cut."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from itertools import islice

import msgspec
import pytest

from bench.http import LoadConnection, Tally
from bench.load import Job, Measured, percentiles, run
from bench.rendering import Endpoint, creations, matches, toggles, user_name

GOOD = b'HTTP/1.1 201 Created\r\nContent-Type: x\r\nContent-Length: 14\r\n\r\n{"id":"usr_1"}'
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}"


@asynccontextmanager
async def answering(answers: Sequence[bytes], *, cut: int = 10_000) -> AsyncIterator[Endpoint]:
    """Answer each request of a connection in turn, in pieces; close where the answers end."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(asyncio.IncompleteReadError):  # the client may have no more requests
            for answer in answers:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0] or 0))
                for begin in range(0, len(answer), cut):
                    writer.write(answer[begin : begin + cut])
                    await writer.drain()
                    await asyncio.sleep(0)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield Endpoint(f"http://{host}:{port}/scim/acme/v2", "secret")


async def measured(answers: Sequence[bytes], *, cut: int = 10_000) -> tuple[Tally, list[bytes]]:
    tally, kept = Tally(), list[bytes]()
    async with answering(answers, cut=cut) as endpoint:
        requests = islice(creations(endpoint, 0), len(answers))
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: LoadConnection(requests, tally, until=time.perf_counter() + 30, keep=kept.append),
            *endpoint.address,
        )
        await connection.finished
    return tally, kept


@pytest.mark.parametrize("cut", [1, 3, 50, 10_000])
async def test_answers_are_read_however_they_are_cut(cut: int) -> None:
    """Bodies with a length and answers without a body, over one connection."""
    tally, kept = await measured([GOOD, EMPTY, GOOD], cut=cut)
    assert len(tally.latencies) == 3
    assert tally.errors == 0
    assert kept == [b'{"id":"usr_1"}', b"", b'{"id":"usr_1"}']


async def test_whatever_is_not_2xx_is_counted_by_its_status() -> None:
    """A cell with too many of them is void."""
    tally, _ = await measured([GOOD, BUSY, GOOD])
    assert len(tally.latencies) == 2
    assert tally.unexpected == {"503": 1}


async def test_a_lost_connection_is_an_error() -> None:
    """The request on it got no answer."""
    tally, _ = await measured([GOOD, b""])
    assert tally.unexpected == {"connection lost": 1}


async def test_a_job_sends_as_many_requests_as_it_should_and_returns_the_ids() -> None:
    """The ids are what later cells patch."""
    async with answering([GOOD] * 5) as endpoint:
        found = await run(Job("create", endpoint, callers=1, limit=4))
    assert (found.requests, found.errors, found.ids) == (4, 0, ("usr_1",) * 4)


def test_a_cell_is_void_above_one_error_in_a_thousand() -> None:
    """As the issue of the bench wants it."""
    figures = msgspec.json.decode(
        b'{"began":0,"seconds":1,"unexpected":{},"p50":1,"p95":1,"p99":1,"cpu_seconds":1,"requests":999,"errors":1}',
        type=Measured,
    )
    assert not figures.void
    assert msgspec.structs.replace(figures, errors=2).void


def test_percentiles_are_those_of_the_sorted_values() -> None:
    """In milliseconds."""
    assert percentiles([number / 1000 for number in range(100, 0, -1)]) == (51.0, 96.0, 100.0)


def test_created_people_differ_in_all_that_must_be_unique() -> None:
    """Each request creates a new person, of about a kilobyte, with an honest length."""
    endpoint = Endpoint("http://127.0.0.1:8080/scim/acme/v2", "secret")
    bodies = []
    for request in islice(creations(endpoint, 5), 600):
        head, _, body = request.partition(b"\r\n\r\n")
        assert b"Content-Length: %d" % len(body) in head
        assert 900 < len(body) < 1500
        bodies.append(msgspec.json.decode(body))
    for name in ("userName", "externalId"):
        assert len({body[name] for body in bodies}) == 600
    assert len({body["emails"][0]["value"] for body in bodies}) == 600
    assert bodies[0]["userName"] == user_name(5)


def test_filters_ask_for_people_that_were_created() -> None:
    """All over the tenant, not for the same few."""
    endpoint = Endpoint("http://127.0.0.1:8080/scim/acme/v2", "secret")
    lines = {request.partition(b"\r\n")[0] for request in islice(matches(endpoint, 2000), 2000)}
    assert len(lines) == 2000


def test_patches_switch_each_person_off_then_on() -> None:
    """Every request changes something."""
    endpoint = Endpoint("http://127.0.0.1:8080/scim/acme/v2", "secret")
    requests = list(islice(toggles(endpoint, ["usr_1", "usr_2"]), 4))
    assert [b'"False"' in request for request in requests] == [True, True, False, False]
    assert [b"/Users/usr_1 " in request for request in requests] == [True, False, True, False]
