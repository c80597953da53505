"""Commands of the command line, run as an operator runs them against a product of the tests."""

import asyncio
import os
import sys
from asyncio.subprocess import Process

import msgspec

from support.product import Product


async def started(product: Product, *arguments: str) -> Process:
    """Start a command."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rollbook", *arguments),
        env={
            "PATH": os.defpath,
            "ROLLBOOK_NATS_URL": product.stack.nats_url,
            "ROLLBOOK_DATABASE_URL": product.stack.database_url,
            "ROLLBOOK_CLAIM_KEY": product.stack.claim_key.secret.hex(),
            "ROLLBOOK_PUBLIC_URL": product.gateway_urls[0],
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def rollbook(product: Product, *arguments: str) -> tuple[int, str, str]:
    """Run a command to its end; return its exit status and what it printed on stdout and stderr."""
    process = await started(product, *arguments)
    printed, said = await process.communicate()
    assert process.returncode is not None
    return process.returncode, printed.decode(), said.decode()


async def lines(product: Product, *arguments: str) -> list[dict[str, object]]:
    """Run a command with --json; return its objects, the test fails unless its exit status is 0."""
    status, printed, said = await rollbook(product, *arguments, "--json")
    assert status == 0, said
    return [msgspec.json.decode(line) for line in printed.splitlines()]
