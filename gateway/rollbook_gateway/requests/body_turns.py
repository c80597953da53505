"""Whose large body is read next: organizations take turns, one body each; asked by whoever reads bodies beside."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rollbook_gateway.admission.gate import Gate
from rollbook_gateway.requests.turns import Turns


class BodyTurns:
    """Lets ``at_once`` bodies be read at once, never two of one organization: so others wait for one of them only."""

    def __init__(self, at_once: int) -> None:
        self._own = Turns()
        self._gate = Gate(at_once, guaranteed=0)

    @asynccontextmanager
    async def of(self, organization: str) -> AsyncIterator[None]:
        """Wait for the organization's turn and hold it for the block."""
        async with self._own.of(organization):
            if not self._gate.try_enter(organization):
                await self._gate.enter_in_turn(organization)
            try:
                yield
            finally:
                self._gate.leave(organization)
