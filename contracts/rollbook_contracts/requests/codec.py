"""Entries pass to the projector by the page: one NATS message for what a gateway answered in a fraction of a second.

A message each would cost the log's server as much as a fact; a page costs it next to nothing.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from rollbook_contracts.requests.entry import Entry

WIRE_TYPE: Final = "requests.answered.v1"
PAGE_BYTES: Final = 128 * 1024
"""A page is shortened to this, an eighth of what a server takes in one message."""


class UnknownPageError(ValueError):
    """A message that is no page this version knows: its type is newer, or it is not ours."""


class RequestsAnswered(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Requests that a gateway answered.

    ``gateway`` and ``since`` name a process and its start; ``unadmitted`` counts the requests that it refused so far
    before it knew a tenant, ``lost`` the entries that it could not keep; ``entries`` are the requests.
    """

    gateway: str
    since: str
    unadmitted: int = 0
    lost: int = 0
    entries: tuple[Entry, ...] = ()


REQUESTS: Final[Mapping[str, type[RequestsAnswered]]] = {WIRE_TYPE: RequestsAnswered}
_DECODER: Final = msgspec.json.Decoder(RequestsAnswered)


def page_headers(page_id: str, *, gateway: str, time: str) -> dict[str, str]:
    """Return the CloudEvents headers of a page; ``time`` is when it was sent."""
    return {
        "ce-specversion": "1.0",
        "ce-id": page_id,
        "ce-type": WIRE_TYPE,
        "ce-source": f"/rollbook/gateways/{gateway}",
        "ce-time": time,
        "content-type": "application/json",
    }


def encode_page(page: RequestsAnswered, most_bytes: int = PAGE_BYTES) -> tuple[int, bytes]:
    """Return a page's body, and how many of its entries are in it: fewer where all would be too large, one at least."""
    while len(body := msgspec.json.encode(page)) > most_bytes and len(page.entries) > 1:
        page = msgspec.structs.replace(page, entries=page.entries[: len(page.entries) // 2])
    return len(page.entries), body


def decode_page(headers: Mapping[str, str], body: bytes) -> RequestsAnswered:
    """Read a page; raises ``UnknownPageError``."""
    if headers.get("ce-type") != WIRE_TYPE:
        raise UnknownPageError(f"unknown type {headers.get('ce-type')!r}")
    try:
        return _DECODER.decode(body)
    except msgspec.MsgspecError as error:
        raise UnknownPageError(f"a {WIRE_TYPE} whose body does not fit its type: {error}") from error
