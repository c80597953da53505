"""A rotation of lines: whose turn it is among those who wait, one of each line after the other; pure."""

from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Generic, TypeVar

Waiting = TypeVar("Waiting")


class Rotation(Generic[Waiting]):
    """Lines by name, of which only those exist in which somebody waits."""

    def __init__(self) -> None:
        self._lines: OrderedDict[Hashable, deque[Waiting]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._lines)

    def __contains__(self, line: Hashable) -> bool:
        return line in self._lines

    def lines(self) -> tuple[Hashable, ...]:
        """Return the names of all lines, the one whose turn it is first."""
        return tuple(self._lines)

    def first(self, line: Hashable) -> Waiting:
        """Return the first of a line, who goes on waiting."""
        return self._lines[line][0]

    def put(self, line: Hashable, waiting: Waiting) -> None:
        """Have one more wait at the end of a line; a line that was empty gets its turn last."""
        found = self._lines.get(line)
        if found is None:
            found = self._lines[line] = deque()
        found.append(waiting)

    def take(self) -> tuple[Hashable, Waiting]:
        """Return the first of the line whose turn it is; its next one's turn comes after all others'."""
        line = next(iter(self._lines))
        return line, self.take_from(line)

    def take_from(self, line: Hashable) -> Waiting:
        """Return the first of this line as if it were its turn."""
        found = self._lines[line]
        waiting = found.popleft()
        if found:
            self._lines.move_to_end(line)
        else:
            del self._lines[line]
        return waiting
