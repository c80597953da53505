"""A verifiable load: many callers write over HTTP, every answer is recorded, for the audit to hold against the log."""

import asyncio
import contextlib
import itertools
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import aiohttp

from support.people import somebody
from support.product import tenant_name
from support.projecting import until
from support.scim import Scim

Method: TypeAlias = Literal["POST", "PATCH", "DELETE"]

_CONTENDED: Final = tuple(f"shared{number}@contoso.com" for number in range(3))
_PAUSE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Attempt:
    """A write and its answer; ``status`` is ``None`` where the connection broke: nobody knows what became of it.

    POST and PATCH set ``displayName`` to ``marker``, so that what they stored is found without an answer, too.
    """

    number: int
    tenant: str
    method: Method
    person: str | None
    status: int | None = None
    version: int | None = None
    request_id: str | None = None
    retry_after: str | None = None

    @property
    def marker(self) -> str:
        return f"{self.tenant} attempt {self.number}"

    @property
    def done(self) -> bool:
        """Whether it was answered as accepted."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def in_doubt(self) -> bool:
        """Whether it may be stored or not."""
        return self.status is None or self.status == 503


class Load:
    """Callers that create, change and delete people of their own, and fight for a few names.

    ``clients`` holds, for each tenant, a client at each gateway; every caller works for one tenant, at all gateways.
    """

    def __init__(self, clients: Sequence[Sequence[Scim]], *, seed: str, callers: int = 8) -> None:
        self.attempts: list[Attempt] = []
        self.done = 0
        self._clients = clients
        self._callers = callers
        self._seed = seed
        self._numbers = itertools.count(1)
        self._stopping = False

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Load for the block; afterwards every attempt is answered or given up."""
        self._stopping = False
        async with asyncio.TaskGroup() as group:
            for number in range(self._callers):
                group.create_task(self._call(number))
            try:
                yield
            finally:
                self._stopping = True

    async def accepted(self, count: int, *, within: float = 60) -> None:
        """Wait until so many more attempts were accepted."""
        wanted = self.done + count

        async def there() -> bool:
            return self.done >= wanted

        await until(there, within=within)

    async def _call(self, caller: int) -> None:
        chance = random.Random(f"{self._seed} {caller}")
        clients = self._clients[caller % len(self._clients)]
        people: list[str] = []
        while not self._stopping:
            attempt = await self._attempt(chance.choice(clients), chance, people)
            self.attempts.append(attempt)
            self.done += attempt.done
            if attempt.status is None:
                await asyncio.sleep(_PAUSE)
            elif attempt.status == 201 and attempt.person is not None:
                people.append(attempt.person)
            elif attempt.person in people and (attempt.status == 404 or (attempt.done and attempt.method == "DELETE")):
                people.remove(attempt.person)

    async def _attempt(self, client: Scim, chance: random.Random, people: Sequence[str]) -> Attempt:
        number = next(self._numbers)
        tenant = tenant_name(client)
        draw = chance.random()
        if not people or draw < 0.5:
            attempt = Attempt(number, tenant, "POST", None)
            names = {"userName": chance.choice(_CONTENDED)} if draw < 0.05 else {}
            return await _send(client, attempt, "/Users", somebody(number, displayName=attempt.marker, **names))
        person = chance.choice(people)
        if draw < 0.6:
            return await _send(client, Attempt(number, tenant, "DELETE", person), f"/Users/{person}", None)
        attempt = Attempt(number, tenant, "PATCH", person)
        values: dict[str, Any] = {"displayName": attempt.marker}
        if draw < 0.7:
            values["userName"] = f"renamed{number}@contoso.com"
        elif draw < 0.8:
            values["active"] = chance.random() < 0.5
        body = {"Operations": [{"op": "replace", "value": values}]}
        return await _send(client, attempt, f"/Users/{person}", body)


async def _send(client: Scim, attempt: Attempt, path: str, body: Any) -> Attempt:
    try:
        reply = await client.send(attempt.method, path, body)
    except (aiohttp.ClientError, TimeoutError, OSError):
        return attempt
    etag = reply.headers.get("ETag", "")
    return Attempt(
        attempt.number,
        attempt.tenant,
        attempt.method,
        reply.body["id"] if reply.status == 201 else attempt.person,
        reply.status,
        int(etag[3:-1]) if etag else None,
        reply.headers["X-Correlation-Id"],
        reply.headers.get("Retry-After"),
    )
