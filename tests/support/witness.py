"""A caller who knows what may be said of one person, asks at every gateway, and notes each answer that is not so."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any, Final

import aiohttp

from support.people import somebody
from support.scim import Reply, Scim

_VALUES: Final = ("Ann", "Bea", "Cleo")
"""Few, so that a gateway with an old state finds that there is nothing to change."""


class Witness:
    """Writes and reads one person, one request after the other.

    ``possible`` holds the names that the person may have: that of the last write that was answered as stored, and those
    of later ones of which nobody knows.
    """

    def __init__(self, clients: Sequence[Scim], number: int, chance: random.Random) -> None:
        self.wrong: list[str] = []
        self.answered: dict[tuple[int, int], int] = {}
        """How many answers each gateway gave of each status."""
        self.longest = 0.0
        self._clients = clients
        self._number = number
        self._chance = chance
        self._possible: set[str] = set()
        self._version = 0
        self._replaced = ""
        self._path = ""

    async def begin(self) -> None:
        """Create the person."""
        reply = await self._clients[0].post("/Users", somebody(self._number, displayName=_VALUES[0]))
        assert reply.status == 201, reply
        self._path = f"/Users/{reply.body['id']}"
        self._stored(reply, _VALUES[0])

    async def run(self, stopping: asyncio.Event) -> None:
        """Ask until told to stop."""
        actions = (
            self._write,
            self._write,
            self._write_conditionally,
            self._read,
            self._read_conditionally,
            self._find,
        )
        while not stopping.is_set():
            gateway = self._chance.randrange(len(self._clients))
            await self._chance.choice(actions)(gateway)
            await asyncio.sleep(self._chance.random() * 0.05)

    async def find(self, gateway: int) -> Reply:
        """Look the person up by the name that never changes."""
        reply = await self._send(gateway, "GET", f"/Users?filter=userName+eq+%22{self._user_name}%22")
        if reply.status == 200 and (
            reply.body["totalResults"] != 1 or reply.body["Resources"][0]["displayName"] not in self._possible
        ):
            self._note(gateway, "was found", reply)
        return reply

    @property
    def _user_name(self) -> str:
        return str(somebody(self._number)["userName"])

    async def _write(self, gateway: int, headers: dict[str, str] | None = None) -> None:
        value = self._chance.choice(_VALUES)
        body = {"Operations": [{"op": "replace", "value": {"displayName": value}}]}
        reply = await self._send(gateway, "PATCH", self._path, body, headers)
        if reply.status == 200:
            self._stored(reply, value)
        elif reply.status == 503:
            self._possible.add(value)
        else:
            self._note(gateway, f"was to become {value}", reply)

    async def _write_conditionally(self, gateway: int) -> None:
        if len(self._possible) == 1:
            await self._write(gateway, {"If-Match": f'W/"{self._version}"'})

    async def _read(self, gateway: int) -> None:
        reply = await self._send(gateway, "GET", self._path)
        if reply.status != 503 and (reply.status != 200 or reply.body["displayName"] not in self._possible):
            self._note(gateway, "was read", reply)

    async def _read_conditionally(self, gateway: int) -> None:
        if self._replaced:
            reply = await self._send(gateway, "GET", self._path, None, {"If-None-Match": self._replaced})
            if reply.status not in {200, 503}:
                self._note(gateway, f"had the version {self._replaced} once", reply)

    async def _find(self, gateway: int) -> None:
        await self.find(gateway)

    def _stored(self, reply: Reply, value: str) -> None:
        """Note what is so now: a new version ends all doubt about earlier writes, for they were guarded by an older."""
        version = int(reply.headers["ETag"][3:-1])
        if version > self._version:
            self._replaced = f'W/"{self._version}"' if self._version else ""
            self._version = version
            self._possible = {value}
        elif value not in self._possible or version < self._version:
            self.wrong.append(f"{self._path} is said to be {value} in version {version}: {self._state}")

    async def _send(
        self, gateway: int, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Reply:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            reply = await self._clients[gateway].send(method, path, body, headers=headers)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.wrong.append(f"{method} {path} at gateway {gateway}: {error!r} after {loop.time() - began:.1f} s")
            return Reply(503, {}, None)
        self.longest = max(self.longest, loop.time() - began)
        self.answered[gateway, reply.status] = self.answered.get((gateway, reply.status), 0) + 1
        if reply.status == 503 and not reply.headers.get("Retry-After", "").isdecimal():
            self._note(gateway, "says not when to come back", reply)
        return reply

    def _note(self, gateway: int, what: str, reply: Reply) -> None:
        self.wrong.append(f"{self._path} {what} at gateway {gateway}, {self._state}: {reply.status} {reply.body}")

    @property
    def _state(self) -> str:
        return f"and may be {sorted(self._possible)} in version {self._version}"
