"""What a client may cost a gateway before it is admitted, and how long and how much afterwards: on raw connections."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Final

import pytest

from rollbook_gateway.edge.limits import KIB, Limits
from support.people import ada, somebody
from support.product import Product, tenant_name, with_limits
from support.raw_http import Raw, connected
from support.scim import Scim

SMALL: Final = Limits(
    head_seconds=0.8,
    idle_seconds=1.0,
    kept_seconds=6.0,
    body_seconds=0.8,
    connections=90,
    connections_of_address=40,
    least_rate=1024 * KIB,
    bytes_in_hand=300 * KIB,
    bytes_of_one=150 * KIB,
    turn_seconds=0.5,
)
SOON: Final = 4.0
"""Longer than any of these times and the second until somebody looks, on a slow machine too."""
ELSEWHERE: Final = "127.0.0.2"


@pytest.fixture(scope="module")
async def strict(product: Product) -> AsyncIterator[Product]:
    """Run a gateway with small limits."""
    async with with_limits(product, SMALL) as lent:
        yield lent


@pytest.fixture
async def scim(strict: Product) -> Scim:
    return await strict.new_tenant()


def head(scim: Scim, line: str, *more: str, token: bool = True) -> str:
    """Return the head of a request to an address behind the Tenant URL, or to a whole path."""
    method, path = line.split(" ", 1)
    if not path.startswith(("/livez", "/scim")):
        path = f"/scim/{tenant_name(scim)}/v2{path}"
    authorization = [f"Authorization: Bearer {scim.token}"] if token else []
    lines = [f"{method} {path} HTTP/1.1", "Host: gateway", "Content-Type: application/scim+json", *authorization, *more]
    return "\r\n".join(lines) + "\r\n\r\n"


def encoded(person: object) -> bytes:
    return json.dumps(person).encode()


async def answers(strict: Product, *, host: str = "127.0.0.1") -> bool:
    """Say whether a new connection is answered."""
    async with connected(strict.gateway_urls[0], host=host) as raw:
        await raw.send("GET /livez HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n")
        return b" 200 " in await raw.rest()


# What is sent before anybody is admitted.


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity"])
async def test_a_strangers_body_is_neither_inflated_nor_waited_for(scim: Scim, strict: Product, encoding: str) -> None:
    """The answer comes at once and says that the connection ends; it ends while most of the body is still to come."""
    async with connected(strict.gateway_urls[0]) as raw:
        line = head(scim, "POST /Users", f"Content-Encoding: {encoding}", "Content-Length: 8000000", token=False)
        await raw.send(line, b"\x1f\x8b" + bytes(1000))
        found, _ = await raw.answer()
        assert found.status == 401
        assert found.headers["connection"] == "close"
        assert await raw.closed(within=SOON)


async def test_a_bomb_costs_no_time(scim: Scim, strict: Product) -> None:
    """A body that inflates to 200 MB, sent by a stranger and by somebody with a token, costs as good as nothing."""
    bomb = gzip.compress(bytes(200_000_000), 1)
    started = time.thread_time()
    for token, status in ((False, 401), (True, 415)):
        async with connected(strict.gateway_urls[0]) as raw:
            line = head(scim, "POST /Users", "Content-Encoding: gzip", f"Content-Length: {len(bomb)}", token=token)
            await raw.send(line, bomb)
            found, _ = await raw.answer()
            assert found.status == status
    assert time.thread_time() - started < 0.2, "inflating it takes more than that, twice"


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Encoding: gzip"],
        ["Content-Encoding: identity", "Content-Encoding: gzip"],
        ["Content-Encoding: gzip", "Content-Encoding: identity"],
        ["Content-Encoding: identity, gzip"],
        ["content-encoding: DEFLATE"],
        ["Content-Encoding: unheard-of"],
    ],
    ids=",".join,
)
async def test_an_encoded_body_is_415_wherever_and_however_it_is_said(
    scim: Scim, strict: Product, headers: list[str]
) -> None:
    """Every address refuses it, in however many headers the encoding stands; nothing is read through it."""
    body = gzip.compress(encoded(ada()))
    token_address = f"/scim/{tenant_name(scim)}/oauth/token"
    for path in ("/Users", "/Users/.search", "/.search", "/Groups", token_address, "/livez"):
        async with connected(strict.gateway_urls[0]) as raw:
            await raw.send(head(scim, f"POST {path}", f"Content-Length: {len(body)}", *headers), body)
            found, answer = await raw.answer()
            assert found.status == 415, path
            assert b"without Content-Encoding" in answer


async def test_identity_is_no_encoding(scim: Scim, strict: Product) -> None:
    """It says that there is none."""
    assert (await scim.send("POST", "/Users", ada(), headers={"Content-Encoding": "identity"})).status == 201


@pytest.mark.parametrize("token", [True, False])
async def test_only_who_is_admitted_is_told_to_send_a_body(scim: Scim, strict: Product, token: bool) -> None:
    """A client that waits for "100 Continue" gets it after its token was looked at, a stranger its 401 at once."""
    body = encoded(ada())
    async with connected(strict.gateway_urls[0]) as raw:
        lines = "Expect: 100-continue", f"Content-Length: {len(body)}"
        await raw.send(head(scim, "POST /Users", *lines, token=token))
        assert (await raw.head()).status == (100 if token else 401)
        if token:
            await raw.send(body)
            assert (await raw.head()).status == 201


# How long a head may take, and a connection may be silent.


async def test_who_sends_no_head_is_closed(scim: Scim, strict: Product) -> None:
    """Silent from the start, silent within the head, or sending it a byte at a time: the time runs from accept."""

    async def nothing(raw: Raw) -> None:
        pass

    async def half(raw: Raw) -> None:
        await raw.send(head(scim, "GET /Users")[:-2])

    async def by_the_byte(raw: Raw) -> None:
        for byte in head(scim, "GET /Users").encode():
            await raw.send(bytes([byte]))
            await asyncio.sleep(0.05)

    async def is_closed(raw: Raw, begin: object) -> bool:
        beginning = asyncio.create_task(begin(raw))  # type: ignore[operator]  # one of those above
        try:
            return await raw.closed(within=SOON) and raw.reader.at_eof()
        finally:
            beginning.cancel()

    async with AsyncExitStack() as stack:
        raws = [await stack.enter_async_context(connected(strict.gateway_urls[0])) for _ in range(3)]
        ways = [nothing, half, by_the_byte]
        assert await asyncio.gather(*map(is_closed, raws, ways)) == [True] * 3


async def test_a_kept_connection_is_closed_later_where_somebody_was_admitted(scim: Scim, strict: Product) -> None:
    """A stranger's ends soon; one whose last request was admitted stays, until a head on it takes too long."""
    async with connected(strict.gateway_urls[0]) as stranger, connected(strict.gateway_urls[0]) as known:
        await stranger.send(head(scim, "GET /Users", token=False))
        await known.send(head(scim, "GET /Users"))
        assert ((await stranger.answer())[0].status, (await known.answer())[0].status) == (401, 200)
        assert await stranger.closed(within=SOON)
        await known.send(head(scim, "GET /Users"))
        assert (await known.answer())[0].status == 200
        await known.send(head(scim, "GET /Users")[:40])
        assert await known.closed(within=SMALL.kept_seconds - 1)


# How many connections there may be.


async def test_one_address_cannot_take_all_connections(scim: Scim, strict: Product) -> None:
    """Whoever has as many as an address may have loses the longest silent one for each new one; others lose none."""
    async with AsyncExitStack() as stack:

        async def opened(host: str) -> Raw:
            return await stack.enter_async_context(connected(strict.gateway_urls[0], host=host))

        elsewhere = await opened("127.0.0.3")
        await elsewhere.send(head(scim, "GET /Users"))
        await elsewhere.answer()
        many = [await opened(ELSEWHERE) for _ in range(SMALL.connections_of_address + 5)]
        assert await answers(strict, host=ELSEWHERE)
        assert await answers(strict)
        assert all([await raw.closed(within=0.5) for raw in many[:5]])
        await elsewhere.send(head(scim, "GET /Users"))
        assert (await elsewhere.answer())[0].status == 200


async def test_strangers_make_room_before_those_who_were_admitted(scim: Scim, strict: Product) -> None:
    """When all connections are taken, from many addresses, new ones are served, kept ones stay, silent ones go."""
    async with AsyncExitStack() as stack:

        async def opened(host: str) -> Raw:
            return await stack.enter_async_context(connected(strict.gateway_urls[0], host=host))

        kept = await opened("127.0.0.3")
        await kept.send(head(scim, "GET /Users"))
        await kept.answer()
        for number in range(SMALL.connections + 10):
            await opened(f"127.0.0.{10 + number % 5}")
        assert await answers(strict)
        await kept.send(head(scim, "GET /Users"))
        assert (await kept.answer())[0].status == 200


async def test_what_is_under_way_is_not_closed_for_others(scim: Scim, strict: Product) -> None:
    """A request whose body is on its way goes on while its address opens more connections than it may have."""
    body = encoded(somebody(1))
    async with AsyncExitStack() as stack:
        raw = await stack.enter_async_context(connected(strict.gateway_urls[0], host=ELSEWHERE))
        await raw.send(head(scim, "POST /Users", f"Content-Length: {len(body)}"), body[:10])
        for _ in range(SMALL.connections_of_address + 5):
            await stack.enter_async_context(connected(strict.gateway_urls[0], host=ELSEWHERE))
        await raw.send(body[10:])
        assert (await raw.answer())[0].status == 201


# Bodies that do not come.


async def test_bodies_that_stall_keep_nobody_waiting(scim: Scim, strict: Product) -> None:
    """While 70 requests of an organization wait for their bodies its others are answered; then they are 408."""
    async with AsyncExitStack() as stack:
        raws = []
        for number in range(70):
            host = f"127.0.0.{20 + number % 2}"
            raws.append(await stack.enter_async_context(connected(strict.gateway_urls[0], host=host)))
            await raws[-1].send(head(scim, "POST /Users", "Content-Length: 100"), b"{")
        async with asyncio.timeout(SMALL.body_seconds * 0.9):
            assert (await scim.post("/Users", ada())).status == 201
        for raw in raws:
            found, answer = await raw.answer()
            assert (found.status, found.headers["connection"]) == (408, "close")
            assert b"too slowly" in answer


@pytest.mark.parametrize("coding", ["Content-Length: 100000", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("path", ["/Users", "/Groups"])
async def test_a_body_below_the_least_rate_is_408(scim: Scim, strict: Product, path: str, coding: str) -> None:
    """A byte now and then does not keep a body alive, however its length is told."""
    async with connected(strict.gateway_urls[0]) as raw:
        await raw.send(head(scim, f"POST {path}", coding))

        async def drip() -> None:
            while True:
                await raw.send(b"1\r\n \r\n" if "chunked" in coding else b" ")
                await asyncio.sleep(0.1)

        dripping = asyncio.create_task(drip())
        found, _ = await raw.answer(within=SOON)
        dripping.cancel()
        assert found.status == 408


@pytest.mark.parametrize("path", ["/Users", "/Groups", "/scim/{}/oauth/token"])
@pytest.mark.parametrize("sent", ["Content-Length: 100\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\nZZ\r\n"])
async def test_a_body_that_breaks_off_is_no_defect(
    scim: Scim, strict: Product, capfd: pytest.CaptureFixture[str], path: str, sent: str
) -> None:
    """Who hangs up within a body, or sends chunks that are none, leaves no error and no 500; nothing is stored."""
    async with connected(strict.gateway_urls[0]) as raw:
        await raw.send(head(scim, f"POST {path.format(tenant_name(scim))}").removesuffix("\r\n"), sent)
        await asyncio.sleep(0.05)
    assert (await scim.get("/Users")).body["totalResults"] == 0
    printed = "".join(capfd.readouterr())
    assert "request.failed" not in printed
    assert "status=500" not in printed


# How much is held.


async def test_large_bodies_wait_for_room_and_small_ones_do_not(scim: Scim, strict: Product) -> None:
    """While an organization's stalled body takes its room, its next large one is 503, a small one and others' go on."""
    other = await strict.new_tenant()
    large = encoded({"displayName": "x", "padding": "x" * 100_000})
    line = f"Content-Length: {len(large)}"
    async with connected(strict.gateway_urls[0]) as first, connected(strict.gateway_urls[0]) as second:
        await first.send(head(scim, "POST /Groups", line), large[:50_000])
        await asyncio.sleep(0.1)
        await second.send(head(scim, "POST /Groups", line), large)
        async with connected(strict.gateway_urls[0]) as others:
            await others.send(head(other, "POST /Groups", line), large)
            assert (await scim.post("/Users", ada())).status == 201
            assert (await others.answer())[0].status == 201
        found, answer = await second.answer()
        assert (await scim.get("/Groups")).status == 503, "nor is there room for an answer with members"
        assert (found.status, found.headers["retry-after"]) == (503, "1")
        assert b"bytes" in answer
        assert (await first.answer(within=SOON))[0].status in (201, 408)
    assert (await scim.post("/Groups", {"displayName": "y", "padding": "x" * 100_000})).status == 201


# What every answer says, and what is logged.


async def test_every_answer_says_that_it_is_not_to_be_kept(scim: Scim, strict: Product) -> None:
    """No answer may be stored or taken for something else, and none says what it was made with."""
    created = await scim.created(ada())
    requests = [
        head(scim, "GET /Users"),
        head(scim, "GET /Users", token=False),
        head(scim, "GET /Nothing"),
        head(scim, f"GET /Users/{created['id']}", f"If-None-Match: {created['meta']['version']}"),
        head(scim, f"DELETE /Users/{created['id']}"),
        head(scim, "GET /livez"),
        head(scim, "POST /scim/acme/oauth/token", "Content-Length: 0"),
        f"GET /{'x' * 10_000} HTTP/1.1\r\nHost: gateway\r\n\r\n",
        "NO HTTP\r\n\r\n",
    ]
    statuses = []
    for request in requests:
        async with connected(strict.gateway_urls[0]) as raw:
            await raw.send(request)
            found = await raw.head()
            statuses.append(found.status)
            assert found.headers["cache-control"] == "no-store"
            assert found.headers["x-content-type-options"] == "nosniff"
            assert found.headers["server"] == "Rollbook"
    assert statuses == [200, 401, 404, 304, 204, 200, 400, 400, 400]


@pytest.mark.parametrize("line", ["GET /livez", "GET /livez HTTP/0.9", "GET /livez HTTP/2.0"])
async def test_other_versions_of_http_are_refused(strict: Product, line: str) -> None:
    """HTTP/0.9, and what does not exist on such a connection, get no answer to what they ask."""
    async with connected(strict.gateway_urls[0]) as raw:
        await raw.send(line, "\r\n\r\n")
        answer = await raw.rest(within=SOON)
        assert b"live" not in answer.rpartition(b"\r\n\r\n")[2]
        assert b" 200 " not in answer


async def test_strangers_leave_no_line_each(scim: Scim, strict: Product, capfd: pytest.CaptureFixture[str]) -> None:
    """A hundred requests without a token, are numbers in a line; one with a token has a line of its own."""
    for number in range(100):
        line = ("GET /Users", "GET /scim/nobody/v2/Users", "GET /livez", "GET /Nothing")[number % 4]
        async with connected(strict.gateway_urls[0]) as raw:
            await raw.send(head(scim, line, token=False))
            await raw.head()
    capfd.readouterr()
    await scim.get("/Users")
    printed = "".join(capfd.readouterr())
    assert printed.count("request.answered") == 1
