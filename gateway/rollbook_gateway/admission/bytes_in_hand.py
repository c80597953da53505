"""The bytes of bodies and answers that a gateway holds at once: who wants more than there is room for waits in turn."""

import asyncio
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from rollbook_gateway.admission.rotation import Rotation

FORESEEN: Final = 8 * 1024 * 1024
"""Bytes of an answer with members of groups that is still to be made: a page ends at 100,000 members."""


class NoRoomError(Exception):
    """No room came free in time: the request may be sent again."""


@dataclass(eq=False, slots=True)
class Held:
    """Room that one request has; ``release`` it once, whatever becomes of the request."""

    in_hand: "BytesInHand"
    organization: Hashable
    size: int

    def resize(self, size: int) -> None:
        """Say how much it is in truth; what is there already is not waited for."""
        self.in_hand.take(self.organization, size - self.size)
        self.size = size

    def release(self) -> None:
        """Give the room back."""
        self.resize(0)


class BytesInHand:
    """Room for ``most`` bytes, of which one organization has ``most_of_one`` at most; whoever has none may take any.

    So what is larger than an organization's share goes alone. Organizations that wait take turns.
    """

    def __init__(self, most: int, most_of_one: int, patience: float) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._patience = patience
        self._taken: Counter[Hashable] = Counter()
        self._total = 0
        self._waiting: Rotation[tuple[int, asyncio.Future[None]]] = Rotation()
        self._largest_answers: dict[Hashable, int] = {}

    @property
    def total(self) -> int:
        """The bytes that are held now."""
        return self._total

    async def hold(self, organization: Hashable, size: int) -> Held:
        """Wait for room; raises ``NoRoomError`` when that takes too long."""
        if organization not in self._waiting and self._fits_share(organization, size) and self._fits_all(size):
            self.take(organization, size)
            return Held(self, organization, size)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.put(organization, (size, turn))
        try:
            async with asyncio.timeout(self._patience):
                await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            if turn.done() and not turn.cancelled():  # the turn came at the same moment
                self.take(organization, -size)
            else:
                turn.cancel()
                self._let_in()  # it may have stood before others
            if isinstance(error, TimeoutError):
                raise NoRoomError from None
            raise
        return Held(self, organization, size)

    async def hold_for_answer(self, organization: Hashable) -> Held:
        """Wait for room for an answer that is still to be made: as much as the largest of this organization took."""
        return await self.hold(organization, max(FORESEEN, self._largest_answers.get(organization, 0)))

    def note_answer(self, organization: Hashable, size: int) -> None:
        """Remember the largest answer of an organization that was made."""
        if size > max(FORESEEN, self._largest_answers.get(organization, 0)):
            self._largest_answers[organization] = size

    def take(self, organization: Hashable, size: int) -> None:
        """Count bytes that are there already, or, if ``size`` is below 0, no more; then let in who fits."""
        self._total += size
        self._taken[organization] += size
        if not self._taken[organization]:
            del self._taken[organization]
        if size < 0 and self._waiting:
            self._let_in()

    def _let_in(self) -> None:
        """Let in those who fit, one of each organization after the other; who does not fit in all is waited for."""
        found = True
        while found:
            found = False
            for organization in self._waiting.lines():
                size, turn = self._waiting.first(organization)
                if not turn.cancelled():
                    if not self._fits_share(organization, size):
                        continue
                    if not self._fits_all(size):
                        return
                    self.take(organization, size)
                    turn.set_result(None)
                self._waiting.take_from(organization)
                found = True

    def _fits_share(self, organization: Hashable, size: int) -> bool:
        taken = self._taken[organization]
        return not taken or taken + size <= self._most_of_one

    def _fits_all(self, size: int) -> bool:
        return not self._total or self._total + size <= self._most
