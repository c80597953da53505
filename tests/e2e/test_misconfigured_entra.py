"""docs/runbooks/misconfigured-entra.md: its story is played, and what the page shows is what comes out.

With WRITE_PAGE=1 in the environment the test writes what comes out into the page.
"""

import asyncio
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rollbook.control import tokens
from rollbook_contracts.settings import TenantSettings
from rollbook_gateway.admission.tokens import new_token
from support.commands import rollbook
from support.misconfigured_entra import DEPARTMENTS, REGIONS, MisconfiguredEntra
from support.product import Product
from support.scim import Scim

PAGE = Path(__file__).parents[2] / "docs" / "runbooks" / "misconfigured-entra.md"
TENANT = "contoso"
COMMAND = re.compile(r"```console\n\$ rollbook (.*)\n((?:.*\n)*?)```")
CHANGING = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "<time>"),
    (re.compile(r"req_[0-9a-z]{26}"), "<id>"),
)

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(name="entra")
async def _entra(product: Product) -> MisconfiguredEntra:
    row = await product.tenants().create(TENANT, TenantSettings(regions=REGIONS, departments=DEPARTMENTS))
    token = new_token()
    await tokens.issue(product.database, row.tenant, token, label="entra", now=datetime.now(UTC))
    return MisconfiguredEntra(Scim(product.session, f"{product.gateway_urls[0]}/scim/{TENANT}/v2", str(token)))


async def test_the_page_shows_what_the_administrator_sees(product: Product, entra: MisconfiguredEntra) -> None:
    """In each chapter of the story the commands print what stands there, times and ids aside."""
    page = PAGE.read_text(encoding="utf-8")
    chapters = page.split("\n## ")[1:4]
    shown, printed = [], []
    for chapter, play in zip(chapters, entra.story(), strict=True):
        await play()
        await recorded(product, entra.sent)
        for command, expected in COMMAND.findall(chapter):
            status, out, said = await rollbook(product, *command.split())
            assert status == 0, said
            shown.append((command, settled(expected)))
            printed.append((command, settled(out)))
            page = page.replace(f"$ rollbook {command}\n{expected}```", f"$ rollbook {command}\n{out}```", 1)
    if os.environ.get("WRITE_PAGE"):
        PAGE.write_text(page, encoding="utf-8")
        return
    assert shown == printed
    assert len(printed) > len(chapters)


def settled(text: str) -> str:
    """Return an output without what differs from run to run."""
    for pattern, instead in CHANGING:
        text = pattern.sub(instead, text)
    return text


async def recorded(product: Product, count: int) -> None:
    """Wait until the log shows so many requests of the tenant."""
    query = "SELECT count(*) FROM provisioning.requests JOIN control.tenants USING (tenant) WHERE name = $1"
    async with asyncio.timeout(20):
        while await product.database.fetchval(query, TENANT) < count:  # noqa: ASYNC110  # another process's table
            await asyncio.sleep(0.05)
