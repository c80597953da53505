"""Answers that are made in parts: clients are told their length, whatever the number and size of the parts."""

import aiohttp
import pytest
from aiohttp import web

from rollbook_gateway.edge.middleware import respond
from rollbook_gateway.requests.caller import Answer


@pytest.mark.parametrize("parts", [[b"{", b"}"], [b"x" * 100_000] * 10], ids=["few bytes", "many bytes"])
async def test_an_answer_in_parts_has_a_length(parts: list[bytes]) -> None:
    """Not every client of identity providers reads chunks, and none needs to: the length is known."""

    async def handle(_: web.Request) -> web.Response:
        return respond(Answer(200, parts))

    app = web.Application()
    app.router.add_get("/", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{runner.addresses[0][1]}/") as answer,
        ):
            assert await answer.read() == b"".join(parts)
            assert answer.headers["Content-Length"] == str(sum(map(len, parts)))
            assert "Transfer-Encoding" not in answer.headers
    finally:
        await runner.cleanup()
