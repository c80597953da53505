"""A SCIM client as bare as a test needs: it sends what it is given and shows what came back."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

MEDIA_TYPE = "application/scim+json"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; ``body`` is ``None`` where there was none."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Scim:
    """Requests to one Tenant URL with one token."""

    def __init__(self, session: aiohttp.ClientSession, tenant_url: str, token: str) -> None:
        self._session = session
        self.tenant_url = tenant_url
        self.token = token

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Reply:
        """Send a request; ``path`` is what follows the Tenant URL, taken as it stands, ``raw`` a body of any bytes."""
        sent = {"Authorization": f"Bearer {self.token}"}
        data = raw
        if body is not None:
            data = msgspec.json.encode(body)
        if data is not None:
            sent["Content-Type"] = MEDIA_TYPE
        sent.update(headers or {})
        content = io.BytesIO(data) if data is not None else None
        url = URL(self.tenant_url + path, encoded=True)
        async with self._session.request(method, url, data=content, headers=sent, allow_redirects=False) as response:
            answer = await response.read()
            return Reply(response.status, response.headers, msgspec.json.decode(answer) if answer else None)

    async def post(self, path: str, body: Any) -> Reply:
        return await self.send("POST", path, body)

    async def get(self, path: str) -> Reply:
        return await self.send("GET", path)

    async def put(self, path: str, body: Any) -> Reply:
        return await self.send("PUT", path, body)

    async def patch(self, path: str, *operations: Mapping[str, Any]) -> Reply:
        return await self.send("PATCH", path, {"schemas": [PATCH_OP], "Operations": list(operations)})

    async def delete(self, path: str) -> Reply:
        return await self.send("DELETE", path)

    async def find(self, condition: str) -> list[dict[str, Any]]:
        """Return the users that a filter finds; the test fails where the answer is not a list."""
        reply = await self.get(f"/Users?filter={quote(condition)}")
        assert reply.status == 200, reply
        assert reply.body["totalResults"] >= len(reply.body["Resources"])
        found: list[dict[str, Any]] = reply.body["Resources"]
        return found

    async def created(self, body: Any) -> dict[str, Any]:
        """Create a user; the test fails where that is refused."""
        reply = await self.post("/Users", body)
        assert reply.status == 201, reply
        created: dict[str, Any] = reply.body
        return created
