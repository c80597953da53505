"""The command line as a person types it, against a product that runs in the tests' own process."""

import asyncio
import os
import sys
from dataclasses import dataclass
from typing import Any

import msgspec

from support.product import Product


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def rows(self) -> list[Any]:
        """What a script reads of a command with --json."""
        return [msgspec.json.decode(line) for line in self.out.splitlines()]


async def rollbook(product: Product, *arguments: str) -> Printed:
    """Run a command to its end."""
    process = await asyncio.create_subprocess_exec(
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
    out, err = await process.communicate()
    assert process.returncode is not None
    return Printed(process.returncode, out.decode(), err.decode())
