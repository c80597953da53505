"""Free ports on loopback, kept in a file so that a stack answers at the same address after every start."""

import json
import secrets
import socket
from pathlib import Path
from typing import Final

from rollbook.embedded.account import Account
from rollbook.embedded.errors import EmbeddedError
from rollbook.embedded.files import explained, write_private

LOOPBACK: Final = "127.0.0.1"
# Below the ports that kernels lend to outgoing connections: a client that keeps knocking at the port of a server that
# is down can be lent that very port, connect to itself and keep the server out.
_LOWEST, _HIGHEST = 20_000, 29_999


def is_free(port: int) -> bool:
    """Say whether a server could listen on this port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def next_free(first: int) -> int:
    """Return the first free port from ``first`` upwards."""
    for port in range(first, min(first + 1000, 65536)):
        if is_free(port):
            return port
    raise EmbeddedError(f"No port is free between {first} and {first + 999} on {LOOPBACK}. Name one that is.")


def any_free() -> int:
    """Return a free port at which few others look for one."""
    return next_free(_LOWEST + secrets.randbelow(_HIGHEST - _LOWEST))


class KeptPorts:
    """The ports of one server, by what they are for, in a file of its folder."""

    def __init__(self, file: Path, *, owner: Account | None = None) -> None:
        self._file = file
        self._owner = owner

    def choose(self, purpose: str) -> int:
        """Return the port kept for this purpose; if it is taken or there is none, another, kept from now on."""
        with explained(self._file):
            kept: dict[str, int] = json.loads(self._file.read_text()) if self._file.exists() else {}
        port = next_free(kept[purpose]) if purpose in kept else any_free()
        if kept.get(purpose) != port:
            write_private(self._file, json.dumps(kept | {purpose: port}), owner=self._owner)
        return port
