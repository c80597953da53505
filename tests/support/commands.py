"""Commands of the command line, run as an operator runs them against a product of the tests."""

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections.abc import Sequence

import msgspec

from support.product import Product

ONE_BY_ONE = """
import contextlib, io, json, sys
from rollbook.cli import build

for arguments in json.load(sys.stdin):
    status, printed, said = 0, io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(said):
        try:
            build()(arguments, prog_name="rollbook")
        except SystemExit as end:
            status = end.code
    print(json.dumps([status, printed.getvalue(), said.getvalue()]))
"""
"""Runs commands in one process, for a start takes a second."""


async def started(product: Product, *arguments: str) -> Process:
    """Start a command."""
    return await _process(product, "-m", "rollbook", *arguments)


async def one_by_one(product: Product, commands: Sequence[Sequence[str]]) -> list[tuple[int, str, str]]:
    """Run commands one after the other; return what ``rollbook`` returns of each."""
    process = await _process(product, "-c", ONE_BY_ONE)
    printed, said = await process.communicate(msgspec.json.encode(commands))
    assert process.returncode == 0, said.decode()
    return [(status, out, err) for status, out, err in map(msgspec.json.decode, printed.splitlines())]


async def _process(product: Product, *arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, *arguments),
        env={
            "PATH": os.defpath,
            "ROLLBOOK_NATS_URL": product.stack.nats_url,
            "ROLLBOOK_DATABASE_URL": product.stack.database_url,
            "ROLLBOOK_CLAIM_KEY": product.stack.claim_key.secret.hex(),
            "ROLLBOOK_PUBLIC_URL": product.gateway_urls[0],
        },
        stdin=asyncio.subprocess.PIPE,
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
