"""Groups as Okta's group push writes them: always the full list of members; part of its play."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from rollbook.demo.directory import Person
from rollbook.demo.teams import Team
from rollbook.wire import Wire
from rollbook_contracts.urns import GROUP


@dataclass(slots=True)
class PushedGroup:
    """A group that is linked with one in the target system."""

    id: str
    team: Team


class OktaGroups:
    """The pushed groups; ``id_of`` answers a person's id in the target system."""

    def __init__(self, wire: Wire, id_of: Callable[[int], str]) -> None:
        self._wire = wire
        self._id_of = id_of
        self.pushed: dict[int, PushedGroup] = {}

    async def push(self, team: Team, staff: Mapping[int, Person]) -> None:
        """Push a group as it is now: link or make it at the first time, then replace it with the full list."""
        body = push_body(team, [(self._id_of(number), staff[number]) for number in sorted(team.members)])
        known = self.pushed.get(team.number)
        if known is None:
            known = self.pushed[team.number] = PushedGroup(await self._link(team, body), team)
        known.team = team
        await self._wire.send("read group", "GET", f"Groups/{known.id}")
        await self._wire.send("replace group", "PUT", f"Groups/{known.id}", body | {"id": known.id})

    async def _link(self, team: Team, body: dict[str, Any]) -> str:
        found = await self._match(team)
        if found is not None:
            return found
        answer = await self._wire.send("create group", "POST", "Groups", body, expect=(201,), when_repeated=(409,))
        made = str(answer.body["id"]) if answer.status == 201 else await self._match(team)
        assert made is not None, f"group {team.name} was created, and no filter finds it"
        return made

    async def _match(self, team: Team) -> str | None:
        text = team.name.replace("\\", "\\\\").replace('"', '\\"')
        query = quote(f'displayName eq "{text}"', safe="")
        answer = await self._wire.send("match group", "GET", f"Groups?filter={query}&startIndex=1&count=100")
        found = answer.body.get("Resources")
        return str(found[0]["id"]) if found else None


def push_body(team: Team, members: list[tuple[str, Person]]) -> dict[str, Any]:
    """Return the body of POST and PUT: each member's userName stands beside the id."""
    return {
        "schemas": [GROUP],
        "displayName": team.name,
        "members": [{"value": user_id, "display": person.user_name} for user_id, person in members],
    }
