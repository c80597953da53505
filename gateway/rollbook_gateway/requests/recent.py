"""People whom this gateway read or wrote lately: a start for decisions, never the ground of an answer."""

from collections import OrderedDict

from rollbook_gateway.decide.state import PresentUser

CAPACITY = 4096
"""People kept, some 4 KB each: those of a provider's burst, which reads a person and writes it right after."""


class RecentUsers:
    """The last known states, the longest unused given up first.

    What is remembered may be out of date. A guarded write on it is safe: it is refused when somebody else wrote since.
    Every other answer is decided on what the log's leader has.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._states: OrderedDict[tuple[str, str], PresentUser] = OrderedDict()

    def get(self, tenant: str, user_id: str) -> PresentUser | None:
        """Return what is remembered of a person."""
        state = self._states.get((tenant, user_id))
        if state is not None:
            self._states.move_to_end((tenant, user_id))
        return state

    def remember(self, tenant: str, state: PresentUser) -> None:
        """Keep a state, unless a later one is known."""
        known = self._states.get((tenant, state.id))
        if known is not None and known.sequence > state.sequence:
            return
        self._states[tenant, state.id] = state
        self._states.move_to_end((tenant, state.id))
        if len(self._states) > self._capacity:
            self._states.popitem(last=False)

    def forget(self, tenant: str, user_id: str) -> None:
        """Drop what turned out to be out of date."""
        self._states.pop((tenant, user_id), None)
