"""Groups as Microsoft Entra ID provisions them: an empty group first, then members in chunks; part of its play."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_plus

from rollbook.demo.entra_patch import Dialect
from rollbook.demo.teams import Team
from rollbook.wire import Wire
from rollbook_contracts.urns import GROUP

MEMBERS_AT_ONCE: Final = 20
"""Members in one PATCH; how many Entra sends is not published."""
_MICROSOFTS_OWN: Final = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
_PATCH_OP: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass(slots=True)
class LinkedGroup:
    """A group that Entra knows in the target system."""

    id: str
    team: Team


class EntraGroups:
    """The job's memory of groups; ``named`` says by which value a person is referred to."""

    def __init__(self, wire: Wire, named: Callable[[int], str]) -> None:
        self._wire = wire
        self._named = named
        self.linked: dict[int, LinkedGroup] = {}

    async def write_head(self, team: Team) -> None:
        """Find the group or make it, without members; bring its name up to date."""
        known = self.linked.get(team.number)
        if known is not None:
            present = (await self._wire.send("read group", "GET", f"Groups/{known.id}?excludedAttributes=members")).body
        else:
            present = await self._match_or_create(team)
            known = self.linked[team.number] = LinkedGroup(str(present["id"]), team)
        known.team = team
        changed = {
            name: value
            for name, value in (("displayName", team.name), ("externalId", team.object_id))
            if present.get(name) != value
        }
        if changed:
            body = head_body(changed, _dialect(team.number))
            await self._wire.send("change group", "PATCH", f"Groups/{known.id}", body, expect=(200, 204))

    async def add(self, team: int, members: tuple[int, ...]) -> None:
        """Add some members."""
        body = add_body([self._named(member) for member in members], _dialect(team))
        await self._wire.send("add members", "PATCH", f"Groups/{self.linked[team].id}", body, expect=(200, 204))

    async def remove(self, team: int, members: tuple[int, ...]) -> None:
        """Remove some members."""
        body = remove_body([self._named(member) for member in members], _dialect(team))
        await self._wire.send("remove members", "PATCH", f"Groups/{self.linked[team].id}", body, expect=(200, 204))

    async def _match_or_create(self, team: Team) -> dict[str, Any]:
        found = await self._match("displayName", team.name) or await self._match("externalId", team.object_id)
        if found is not None:
            return found
        body = create_body(team)
        answer = await self._wire.send("create group", "POST", "Groups", body, expect=(201,), when_repeated=(409,))
        made = answer.body if answer.status == 201 else await self._match("displayName", team.name)
        assert made is not None, f"group {team.name} was created, and no filter finds it"
        return made

    async def _match(self, attribute: str, value: str) -> dict[str, Any] | None:
        text = value.replace("\\", "\\\\").replace('"', '\\"')
        query = f'excludedAttributes=members&filter={attribute}+eq+"{quote_plus(text)}"'
        answer = await self._wire.send("match group", "GET", f"Groups?{query}")
        found: list[dict[str, Any]] = answer.body.get("Resources") or []
        return found[0] if found else None


def create_body(team: Team) -> dict[str, Any]:
    """Return the body of POST: a schema of Microsoft's own, and no members."""
    return {
        "schemas": [GROUP, _MICROSOFTS_OWN],
        "externalId": team.object_id,
        "displayName": team.name,
        "members": [],
        "meta": {"resourceType": "Group"},
    }


def head_body(changed: dict[str, str], dialect: Dialect) -> dict[str, Any]:
    """Return the PATCH of a group's own attributes; the flag gathers several into one operation without a path."""
    if dialect == "flag" and len(changed) > 1:
        return _patch({"op": "replace", "value": changed})
    verb = "Replace" if dialect == "default" else "replace"
    return _patch(*({"op": verb, "path": name, "value": value} for name, value in changed.items()))


def add_body(values: Iterable[str], dialect: Dialect) -> dict[str, Any]:
    """Return the PATCH that adds members; the default form writes an empty ``$ref`` beside each."""
    if dialect == "flag":
        return _patch({"op": "add", "path": "members", "value": [{"value": value} for value in values]})
    return _patch({"op": "Add", "path": "members", "value": [{"$ref": None, "value": value} for value in values]})


def remove_body(values: Iterable[str], dialect: Dialect) -> dict[str, Any]:
    """Return the PATCH that removes members: with the flag an operation for each, else one with all as its value."""
    if dialect == "flag":
        return _patch(*({"op": "remove", "path": f'members[value eq "{value}"]'} for value in values))
    return _patch({"op": "Remove", "path": "members", "value": [{"$ref": None, "value": value} for value in values]})


def chunks(members: Iterable[int]) -> list[tuple[int, ...]]:
    """Return members in the chunks in which they are sent."""
    ordered = sorted(members)
    return [tuple(ordered[start : start + MEMBERS_AT_ONCE]) for start in range(0, len(ordered), MEMBERS_AT_ONCE)]


def _patch(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": [_PATCH_OP], "Operations": list(operations)}


def _dialect(number: int) -> Dialect:
    """Say which form is sent: both arrive in one tenant, as with people."""
    return "flag" if number % 2 else "default"
