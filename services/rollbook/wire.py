"""HTTP as SCIM clients speak it: repeated when told to wait; the played providers and `rollbook import` use it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import aiohttp
import msgspec
import yarl

from rollbook.errors import CommandError

LONGEST_WAIT: Final = 2.0
"""Seconds: a provider waits as long as ``Retry-After`` says; a play has less patience."""
PATIENCE: Final = 60.0
"""Seconds until a request that is refused with 429 or 503, or finds nobody listening, is given up."""
_WAIT_STATUSES: Final = frozenset({429, 503})

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; ``body`` is empty where there was none."""

    status: int
    body: dict[str, Any]


@dataclass(slots=True)
class Wire:
    """A provider's connections to one Tenant URL; ``sent`` counts its requests by what they are for."""

    tenant_url: str
    headers: Mapping[str, str]
    content_type: str
    sent: Counter[str] = field(default_factory=Counter)
    _session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers=self.headers,
            # Entra has been seen without a User-Agent: a header that a provider does not name is not sent.
            skip_auto_headers={"User-Agent", "Accept-Encoding", "Content-Type"},
            timeout=aiohttp.ClientTimeout(total=60),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(
        self,
        purpose: str,
        method: str,
        path: str,
        body: object = None,
        *,
        expect: tuple[int, ...] = (200,),
        when_repeated: tuple[int, ...] = (),
    ) -> Answer:
        """Send a request, as often as the other side asks to wait; ``path`` is taken as encoded already.

        ``when_repeated`` are what is answered where an earlier copy worked without its answer coming through. Raises
        ``CommandError`` for any other status that is not expected, and when patience ends.
        """
        deadline = asyncio.get_running_loop().time() + PATIENCE
        attempts = 0
        while True:
            attempts += 1
            self.sent[purpose] += 1
            try:
                status, raw, wait = await self._once(method, path, body)
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as error:
                status, raw, wait = 0, str(error).encode(), 0.2
            if status and status not in _WAIT_STATUSES:
                break
            if asyncio.get_running_loop().time() + wait > deadline:
                break
            await asyncio.sleep(wait)
        if status not in expect and not (attempts > 1 and status in when_repeated):
            raise CommandError(_complaint(method, path, status, raw))
        return Answer(status, msgspec.json.decode(raw) if raw else {})

    async def _once(self, method: str, path: str, body: object) -> tuple[int, bytes, float]:
        assert self._session is not None, "used as a context manager"
        url = yarl.URL(f"{self.tenant_url.rstrip('/')}/{path}", encoded=True)
        content = {} if body is None else {"Content-Type": self.content_type}
        data = None if body is None else msgspec.json.encode(body)
        async with self._session.request(method, url, data=data, headers=content, allow_redirects=False) as response:
            return response.status, await response.read(), _retry_after(response.headers)


async def in_parallel(items: Iterable[Item], work: Callable[[Item], Awaitable[None]], *, callers: int) -> None:
    """Work on items in their order, several at once; the first error stops all."""
    waiting = iter(items)

    async def caller() -> None:
        for item in waiting:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(callers):
                group.create_task(caller())
    except ExceptionGroup as errors:  # not `except*`: what Python 3.11 raises in its block becomes a group again
        told = errors.subgroup(CommandError)
        if told is None:
            raise
        raise told.exceptions[0] from None


def _retry_after(headers: Mapping[str, str]) -> float:
    text = headers.get("Retry-After", "")
    return min(float(text), LONGEST_WAIT) if text.isdecimal() else LONGEST_WAIT


def _complaint(method: str, path: str, status: int, raw: bytes) -> str:
    if not status:
        return f"Nobody answers {method} {path}: {raw.decode()}. Is the gateway up?"
    try:
        detail = str(msgspec.json.decode(raw)["detail"])
    except (msgspec.MsgspecError, KeyError, TypeError):
        detail = raw[:200].decode(errors="replace")
    return f"{method} {path} was answered {status}: {detail}"
