"""Reads the bodies of admitted requests, before their turn at the gate and within limits of size, time and memory."""

import asyncio
from typing import Final

from aiohttp import web
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestPayloadError

from rollbook_gateway.admission.bytes_in_hand import BytesInHand, Held
from rollbook_gateway.edge.limits import CONNECTION_BYTES, MAX_GROUP_BYTES, MAX_USER_BYTES, MIB, Limits
from rollbook_gateway.scim.errors import ErrorKind, ScimError

ROOT: Final = "/scim/{tenant}/v2"
BODY: Final = web.RequestKey("body", list)  # of bytes: a key knows no more of its type
"""The body as it came; joined it would be copied in one go."""
HELD: Final = web.RequestKey("held", Held)
"""Room for what the request holds, given back once it is answered."""
EXPECTED: Final = web.RequestKey("expected", bool)
"""Whether the client waits to be told before it sends its body."""

_JSON_TYPES: Final = frozenset({"application/scim+json", "application/json"})
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_READING: Final = frozenset({"GET", "HEAD"})
_OF_GROUPS: Final = frozenset({f"{ROOT}/Groups", f"{ROOT}/Groups/{{id}}"})
_SEARCHES_OF_GROUPS: Final = frozenset({f"{ROOT}/Groups/.search", f"{ROOT}/.search"})


class BodyLostError(Exception):
    """The client hung up within its body, or sent one that ends otherwise than it says."""


class Bodies:
    """The bodies that one gateway takes in, and the memory that they and large answers have."""

    def __init__(self, limits: Limits, in_hand: BytesInHand) -> None:
        self._limits = limits
        self._in_hand = in_hand

    async def take(self, request: web.Request, organization: str) -> None:
        """Read the body, if the address takes one, and have the request wait for room where it may hold much.

        Raises ``NoRoomError``, ``BodyLostError``, ``ScimError`` for a body that is too large, and aiohttp's 408, 415.
        """
        resource = request.match_info.route.resource
        address = resource.canonical if resource is not None else None
        if address is None or request.match_info.http_exception is not None:
            return
        of_groups = address in _OF_GROUPS
        if request.method in _WITH_BODY:
            most = MAX_GROUP_BYTES if of_groups else MAX_USER_BYTES
            _check_type(request)
            request[BODY] = await self._read(request, organization, most)
        if address in _SEARCHES_OF_GROUPS or (of_groups and request.method in _READING):
            if HELD in request:
                request[HELD].release()
            request[HELD] = await self._in_hand.hold_for_answer(organization)

    def count_answer(self, request: web.Request, organization: str, size: int) -> None:
        """Count an answer until it is sent, in place of what its request held."""
        held = request.get(HELD)
        self._in_hand.note_answer(organization, size)
        if held is not None:
            held.resize(size)
        elif size > CONNECTION_BYTES:
            self._in_hand.take(organization, size)
            request[HELD] = Held(self._in_hand, organization, size)

    async def _read(self, request: web.Request, organization: str, most: int) -> list[bytes]:
        content, declared = request.content, request.content_length
        if declared is not None and declared > most:
            raise _too_large(most)
        if content.is_eof() and content.total_bytes <= CONNECTION_BYTES:
            return [await next_chunk(content)]
        expected = most if declared is None else declared
        if expected > CONNECTION_BYTES:
            request[HELD] = await self._in_hand.hold(organization, expected)
        await invite(request)
        chunks = await self._within_time(content, most)
        if expected > CONNECTION_BYTES:
            request[HELD].resize(sum(map(len, chunks)))
        return chunks

    async def _within_time(self, content: StreamReader, most: int) -> list[bytes]:
        chunks: list[bytes] = []
        size, started = 0, asyncio.get_running_loop().time()
        while True:
            try:
                async with asyncio.timeout_at(started + self._limits.seconds_for(size)):
                    chunk = await next_chunk(content)
            except TimeoutError:
                raise web.HTTPRequestTimeout(reason=self._too_slow(size)) from None
            if not chunk:
                return chunks
            chunks.append(chunk)
            size += len(chunk)
            if size > most:
                raise _too_large(most)

    def _too_slow(self, size: int) -> str:
        return (
            f"The body came too slowly: {size} bytes in {self._limits.seconds_for(size):.0f} s. Send it within "
            f"{self._limits.body_seconds:.0f} s and a second more for each {self._limits.least_rate // 1024} KiB; "
            "nothing was stored."
        )


async def invite(request: web.Request) -> None:
    """Tell a client that waits for it to send its body (RFC 9110, 10.1.1): only those who are admitted are told."""
    if EXPECTED in request:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun


def check_encoding(request: web.Request) -> None:
    """Refuse a body that is encoded: nothing here inflates one."""
    for sent in request.headers.getall("Content-Encoding", ()):
        if sent.strip().lower() != "identity":
            raise web.HTTPUnsupportedMediaType(reason="The body must be sent without Content-Encoding.")


async def next_chunk(content: StreamReader) -> bytes:
    """Return what came of a body, nothing at its end; raises ``BodyLostError`` where it will never come."""
    try:
        return await content.readany()
    except (ConnectionError, RequestPayloadError) as error:
        raise BodyLostError from error


def _check_type(request: web.Request) -> None:
    sent = request.headers.get("Content-Type")
    if sent is not None and request.content_type not in _JSON_TYPES:
        raise web.HTTPUnsupportedMediaType(
            reason=f"The body is {request.content_type[:100]}; it must be application/scim+json or application/json.",
        )


def _too_large(most: int) -> ScimError:
    what = "a group" if most == MAX_GROUP_BYTES else "a user"
    return ScimError(
        ErrorKind.PAYLOAD_TOO_LARGE, f"The body is larger than {most // MIB} MiB, which is the limit for {what}."
    )
