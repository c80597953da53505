"""The cells of groups: what a change of members costs by its size and by the group's, and how soon tables show it."""

import asyncio
import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from bench.http import LoadConnection, Tally
from bench.lag import Sampler
from bench.load import percentiles
from bench.pipeline import Pipeline, until
from bench.rendering import Endpoint, with_body
from rollbook_contracts.urns import GROUP

SIZES: Final = (0, 10_000, 100_000)
ADDED: Final = {1: 40, 100: 20, 1_000: 5}
"""Members in one PATCH → how many of them are sent."""
REMOVALS: Final = 40
READS: Final = 100
CHUNK: Final = 1_000
BULK_GROUPS: Final = 10
BULK_CALLERS: Final = 4
PATIENCE: Final = 600.0
_PATCH_OP: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_SAMPLED_FROM: Final = 700_000_000

_IDS: Final = "SELECT id FROM lms.users WHERE tenant = $1 ORDER BY id LIMIT $2"
_IS_MEMBER: Final = "SELECT 1 FROM lms.group_members WHERE tenant = $1 AND group_id = $2 AND user_id = $3"
_MEMBERS: Final = "SELECT count(*) FROM lms.group_members WHERE tenant = $1 AND group_id = $2"


@dataclass(frozen=True, slots=True)
class Memberships:
    """Groups of one tenant; ``people`` are the ids of its people, more than the largest group has."""

    endpoint: Endpoint
    tenant: str
    pipeline: Pipeline
    people: Sequence[str]

    @classmethod
    async def of(cls, endpoint: Endpoint, tenant: str, pipeline: Pipeline, *, people: int) -> "Memberships":
        """Look the people up who are to be members."""
        rows = await pipeline.database.fetch(_IDS, tenant, people)
        return cls(endpoint, tenant, pipeline, [user_id for (user_id,) in rows])

    async def by_size(self, size: int) -> dict[str, object]:
        """Measure reads and changes of a group of so many members, one after the other."""
        group = await self._group(f"Size {size}", self.people[:size])
        fresh = iter(self.people[size:])
        figures: dict[str, object] = {"members": size}
        figures |= _latency("get_without_members", await self._sent(self._read(group) for _ in range(READS)))
        for count, times in ADDED.items():
            chosen = [list(itertools.islice(fresh, count)) for _ in range(times)]
            figures |= _latency(f"add_{count}", await self._sent(self._added(group, ids) for ids in chosen))
        figures["add_1_shown_ms"] = round(1000 * await self._shown(group, next(fresh)), 1)
        removed = self.people[size : size + REMOVALS]
        return figures | _latency("remove_1", await self._sent(self._removed(group, user_id) for user_id in removed))

    async def replaced(self, name: str, other: Endpoint, other_tenant: str) -> dict[str, object]:
        """Measure two PUTs of the whole membership: of a new group, and one that changes one member in a hundred.

        ``other`` is a tenant of the same partition, whose writes go on meanwhile.
        """
        whole = self.people[: SIZES[-1]]
        changed = [*whole[len(whole) // 100 :], *self.people[len(whole) : len(whole) + len(whole) // 100]]
        group = await self._group(name, ())
        figures: dict[str, object] = {"members": len(whole)}
        for label, ids in (("put", whole), ("put_again", changed)):
            stop = asyncio.Event()
            sampler = Sampler(
                self.pipeline, other, other_tenant, first=_SAMPLED_FROM + len(figures) * 100_000, pause=0.05
            )
            sampling = asyncio.create_task(sampler.sample(stop))
            began = time.perf_counter()
            tally = await self._sent([self._whole(group, name, ids)])
            await self._until_members(group, len(ids), last=ids[-1])
            figures[f"{label}_applied_s"] = round(time.perf_counter() - began, 2)
            stop.set()
            lags = await sampling
            figures[f"{label}_answered_s"] = round(tally.latencies[0], 2)
            figures[f"{label}_others_row_lag_max_ms"] = round(1000 * max(lags.rows), 1)
        return figures

    async def bulk(self) -> dict[str, object]:
        """Measure many memberships in PATCHes of a thousand: when they are answered, when the tables have them."""
        whole = self.people[: SIZES[-1]]
        groups = [await self._group(f"Bulk {number}", ()) for number in range(BULK_GROUPS)]
        requests = iter([self._added(group, ids) for ids in _chunks(whole) for group in groups])
        began = time.perf_counter()
        tallies = await asyncio.gather(*(self._sent(requests) for _ in range(BULK_CALLERS)))
        answered = time.perf_counter() - began
        drained = await self.pipeline.drained()
        applied = drained.rows_at - (time.time() - (time.perf_counter() - began))
        memberships = len(whole) * len(groups)
        return {
            "memberships": memberships,
            "errors": sum(tally.errors for tally in tallies),
            "answered_members_per_second": round(memberships / answered, 1),
            "applied_members_per_second": round(memberships / applied, 1),
        }

    async def _group(self, name: str, members: Sequence[str]) -> str:
        bodies: list[bytes] = []
        body = {"schemas": [GROUP], "displayName": name, "members": []}
        await self._sent([self._request("POST", "Groups", body)], keep=bodies)
        group: str = msgspec.json.decode(bodies[0])["id"]
        await self._sent(self._added(group, ids) for ids in _chunks(members))
        await self._until_members(group, len(members), last=members[-1] if members else None)
        return group

    async def _shown(self, group: str, user_id: str) -> float:
        began = time.perf_counter()
        await self._sent([self._added(group, [user_id])])
        await until(lambda: self._is_member(group, user_id), pause=0.001, patience=PATIENCE)
        return time.perf_counter() - began

    async def _until_members(self, group: str, count: int, *, last: str | None) -> None:
        if last is not None:
            await until(lambda: self._is_member(group, last), pause=0.01, patience=PATIENCE)

        async def all_there() -> bool:
            found: int = await self.pipeline.database.fetchval(_MEMBERS, self.tenant, group)
            return found == count

        await until(all_there, pause=0.05, patience=PATIENCE)

    async def _is_member(self, group: str, user_id: str) -> bool:
        return bool(await self.pipeline.database.fetchval(_IS_MEMBER, self.tenant, group, user_id))

    async def _sent(self, requests: Iterable[bytes], keep: list[bytes] | None = None) -> Tally:
        """Send requests one after the other over one connection; raise where one is not answered with 2xx."""
        tally = Tally()
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: LoadConnection(
                iter(requests), tally, until=float("inf"), keep=None if keep is None else keep.append
            ),
            *self.endpoint.address,
        )
        await connection.finished
        if tally.errors:
            raise RuntimeError(f"requests on groups were answered otherwise than with 2xx: {dict(tally.unexpected)}")
        return tally

    def _added(self, group: str, ids: Sequence[str]) -> bytes:
        return self._patched(group, {"op": "Add", "path": "members", "value": [{"value": user_id} for user_id in ids]})

    def _removed(self, group: str, user_id: str) -> bytes:
        return self._patched(group, {"op": "Remove", "path": "members", "value": [{"value": user_id}]})

    def _patched(self, group: str, operation: object) -> bytes:
        return self._request("PATCH", f"Groups/{group}", {"schemas": [_PATCH_OP], "Operations": [operation]})

    def _whole(self, group: str, name: str, ids: Sequence[str]) -> bytes:
        members = [{"value": user_id} for user_id in ids]
        return self._request("PUT", f"Groups/{group}", {"schemas": [GROUP], "displayName": name, "members": members})

    def _read(self, group: str) -> bytes:
        return self.endpoint.head("GET", f"Groups/{group}?excludedAttributes=members") + b"\r\n"

    def _request(self, method: str, path: str, body: object) -> bytes:
        head = self.endpoint.head(method, path) + b"Content-Type: application/scim+json\r\n"
        return with_body(head, msgspec.json.encode(body))


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]


def _latency(name: str, tally: Tally) -> dict[str, object]:
    p50, p95, _ = percentiles(tally.latencies)
    return {f"{name}_p50_ms": p50, f"{name}_p95_ms": p95}
