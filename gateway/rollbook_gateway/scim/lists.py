"""Which page of a list is asked for: the query parameters ``startIndex`` and ``count`` of RFC 7644, section 3.4.2.4."""

import re
from dataclasses import dataclass
from typing import Final

from rollbook_gateway.scim.errors import ErrorKind, ScimError, shown

MAX_RESULTS: Final = 200
"""How many resources one page holds at most; ServiceProviderConfig tells clients."""

DEFAULT_COUNT: Final = 100
"""How many it holds where the client does not say."""

_LAST_INDEX: Final = 2**31 - 1
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,40}")


@dataclass(frozen=True, slots=True)
class Page:
    """A page: the 1-based index of its first resource and how many it holds at most."""

    start_index: int
    count: int


def page(start_index: str | None, count: str | None) -> Page:
    """Read both parameters: below 1 reads as 1, below 0 as 0, and more than a page may hold as that (M11)."""
    first = 1 if start_index is None else _integer("startIndex", start_index)
    wanted = DEFAULT_COUNT if count is None else _integer("count", count)
    return Page(start_index=min(max(first, 1), _LAST_INDEX), count=min(max(wanted, 0), MAX_RESULTS))


def _integer(name: str, text: str) -> int:
    if _INTEGER.fullmatch(text.strip()):
        return int(text)
    raise ScimError(ErrorKind.INVALID_VALUE, f'parameter "{name}" is {shown(text)}: send a whole number')
