"""The wire checklist: each of its cases, as Entra and Okta send it, over HTTP against the running product."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from support.product import Product
from support.wire.cases import SECTIONS, Case, cases
from support.wire.checks import checks
from support.wire.organization import Stub, Wire

each_case = pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in cases()])


@pytest.fixture(scope="module")
async def stub() -> AsyncIterator[str]:
    """Serve 200 ``{}`` to every request."""

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response({}, content_type="application/scim+json")

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def test_each_case_has_a_check_and_each_check_a_case() -> None:
    """No case of the checklist is passed over, and no check is of a case that is not there."""
    ids = [case.id for case in cases()]
    assert len(set(ids)) == len(ids) == 105
    assert sorted(checks()) == sorted(ids)
    assert {case_id[0] for case_id in ids} == SECTIONS.keys()


@each_case
async def test_case(product: Product, case: Case) -> None:
    """Everything that the case's sentence says is so."""
    await checks()[case.id](Wire(case, product))


@pytest.mark.parametrize("everything", [True, False], ids=["everything", "the-case-alone"])
async def test_a_server_that_answers_200_to_everything_passes_no_check(
    product: Product, stub: str, everything: bool
) -> None:
    """No check is satisfied by 200 ``{}``: neither to all requests, nor to those that are the case's own."""
    tenant = await product.new_tenant() if everything else None

    async def passes(case: Case) -> bool:
        try:
            async with asyncio.timeout(20):
                await checks()[case.id](Wire(case, product, Stub(stub, tenant)))
        except Exception:  # noqa: BLE001  # whatever ends a check fails it
            return False
        return True

    assert [case.id for case in cases() if await passes(case)] == []
