"""Headers of log messages, parsed when first asked for: most messages of a replay are claims, which never are."""

from collections.abc import Iterator, Mapping
from typing import Final

from nats.aio.client import Client

_VERSION_LINE: Final = b"NATS/1.0\r\n"


def parse_headers(block: bytes) -> dict[str, str]:
    """Read a header block as the server stores it."""
    lines = block.decode("utf-8", "replace").split("\r\n")[1:]
    try:
        return dict([line.split(": ", 1) for line in lines if line])
    except ValueError:
        pairs = (line.partition(":") for line in lines if line)
        return {name: value.strip() for name, _, value in pairs}


class LazyHeaders(Mapping[str, str]):
    """A header block that is parsed at the first look into it."""

    __slots__ = ("_block", "_parsed")

    def __init__(self, block: bytes) -> None:
        self._block = block
        self._parsed: dict[str, str] | None = None

    @property
    def _headers(self) -> dict[str, str]:
        if self._parsed is None:
            self._parsed = parse_headers(self._block)
        return self._parsed

    def __getitem__(self, name: str) -> str:
        return self._headers[name]

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]  # one of Mapping's
        return self._headers.get(name, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._headers)

    def __len__(self) -> int:
        return len(self._headers)


class LogClient(Client):
    """nats-py's client with lazy headers: its own parser takes as long for them as the rest of a replay in Python."""

    async def _process_headers(self, headers: bytes) -> Mapping[str, str] | None:  # type: ignore[override]
        if headers and headers.startswith(_VERSION_LINE):
            return LazyHeaders(headers)
        return await super()._process_headers(headers)
