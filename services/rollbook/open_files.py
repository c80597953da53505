"""How many files and sockets this process may have open; raised by every command before it begins, and by the tests."""

import contextlib
import resource
from typing import Final

ENOUGH: Final = 65_536
"""A provider's burst is thousands of connections; many systems give a user's process 1,024 and let it ask for more."""


def raise_limit() -> None:
    """Raise the soft limit towards the hard one; where the system refuses it stays as it is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):  # macOS has a lower limit beside the hard one
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def open_files() -> int:
    """Return how many this process may have open now."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return ENOUGH if soft == resource.RLIM_INFINITY else soft
