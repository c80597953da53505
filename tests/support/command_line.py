"""What a command of the command line left behind, by name."""

from dataclasses import dataclass
from typing import Any

import msgspec

from support import commands
from support.product import Product


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def rows(self) -> list[Any]:
        """What a script reads of a command with --json, whatever its exit status."""
        return [msgspec.json.decode(line) for line in self.out.splitlines()]


async def rollbook(product: Product, *arguments: str) -> Printed:
    """Run a command to its end."""
    return Printed(*await commands.rollbook(product, *arguments))
