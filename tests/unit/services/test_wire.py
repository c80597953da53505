"""How SCIM clients speak HTTP: what they send, when they repeat, when they give up."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from rollbook.errors import CommandError
from rollbook.wire import Wire, in_parallel


@asynccontextmanager
async def answering(*answers: web.Response) -> AsyncIterator[tuple[str, list[web.Request]]]:
    """Serve these answers in turn, the last one for ever; hand out the address and what was asked."""
    asked: list[web.Request] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        known = answers[min(len(asked), len(answers)) - 1]
        return web.Response(status=known.status, headers=dict(known.headers), body=known.body)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/scim/acme/v2", asked
    finally:
        await runner.cleanup()


def wire(tenant_url: str) -> Wire:
    return Wire(tenant_url, {"Authorization": "Bearer t"}, "application/scim+json")


async def test_a_path_is_sent_as_it_was_encoded() -> None:
    """Entra writes quotes raw and blanks as plus signs."""
    query = '?filter=emails[type+eq+"work"].value+eq+"a%40x"'
    async with answering(web.json_response({})) as (url, asked), wire(url) as speaking:
        await speaking.send("match", "GET", f"Users{query}")
    assert asked[0].raw_path == f"/scim/acme/v2/Users{query}"
    assert asked[0].headers["Authorization"] == "Bearer t"
    assert "User-Agent" not in asked[0].headers
    assert "Content-Type" not in asked[0].headers


async def test_a_request_is_repeated_when_told_to_wait() -> None:
    """429 and 503 name a time; the count shows both requests."""
    busy, done = web.Response(status=429, headers={"Retry-After": "0"}), web.json_response({"id": "1"})
    async with answering(busy, done) as (url, _), wire(url) as speaking:
        answer = await speaking.send("read", "GET", "Users/1")
        assert answer.body == {"id": "1"}
        assert speaking.sent == {"read": 2}


async def test_a_conflict_is_accepted_only_after_a_repetition() -> None:
    """An earlier copy of the request may have worked."""
    busy, taken = web.Response(status=503, headers={"Retry-After": "0"}), web.json_response({}, status=409)
    async with answering(busy, taken) as (url, _), wire(url) as speaking:
        answer = await speaking.send("create", "POST", "Users", {}, expect=(201,), when_repeated=(409,))
        assert answer.status == 409
    async with answering(taken) as (url, _), wire(url) as speaking:
        with pytest.raises(CommandError):
            await speaking.send("create", "POST", "Users", {}, expect=(201,), when_repeated=(409,))


async def test_a_refusal_is_told_with_the_detail_of_the_answer() -> None:
    """An administrator would see it in the provider's log."""
    refusal = web.json_response({"status": "400", "detail": "region is required"}, status=400)
    async with answering(refusal) as (url, _), wire(url) as speaking:
        with pytest.raises(CommandError, match="POST Users was answered 400: region is required"):
            await speaking.send("create", "POST", "Users", {})


async def test_items_are_worked_on_once_each_and_an_error_stops_all() -> None:
    """Several callers share one list."""
    seen: list[int] = []

    async def work(item: int) -> None:
        seen.append(item)
        if item == 50:
            raise CommandError("no")

    await in_parallel(range(10), work, callers=4)
    assert sorted(seen) == list(range(10))
    with pytest.raises(CommandError, match="no"):
        await in_parallel(range(50, 60), work, callers=4)
