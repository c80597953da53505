"""A gateway and its tables in memory, by the rules of docs/references.md; what imports are tried against."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from rollbook.errors import CommandError
from rollbook.snapshot.names import Names, names_of
from rollbook.snapshot.present import Group, Person, Present
from rollbook.wire import Answer
from rollbook_contracts.emails import principal_email
from rollbook_contracts.folding import fold
from rollbook_contracts.settings import TenantSettings
from rollbook_gateway.decide.rules import with_rules
from rollbook_gateway.scim.compiled import user_schema
from rollbook_gateway.scim.document import canonicalise
from rollbook_gateway.scim.errors import ScimError
from rollbook_gateway.scim.patch.apply import apply_patch

Document = dict[str, Any]


class PlayedGateway:
    """Answers POST, PATCH and the filters that an import sends; ``failing_after`` requests it can be reached no more.

    The request that meets the failure is stored, and its answer lost.
    """

    def __init__(self, settings: TenantSettings | None = None, *, failing_after: int | None = None) -> None:
        self.settings = settings or TenantSettings(default_region="EMEA")
        self.failing_after = failing_after
        self.users: dict[str, Document] = {}
        self.heads: dict[str, Document] = {}
        self.sent: dict[str, set[str]] = {}
        self.requests = 0
        self._ids: set[str] = set()

    async def tables(self) -> Present:
        """Return the tables as an import reads them."""
        people = {
            user_id: Person(user_id, names_of(document), document.get("active", True), _text(document))
            for user_id, document in self.users.items()
        }
        groups = {
            group_id: Group(
                group_id,
                head["displayName"],
                head.get("externalId"),
                {value for value in self.sent[group_id] if value in self.users},
                {value for value in self.sent[group_id] if value not in self.users},
            )
            for group_id, head in self.heads.items()
        }
        return Present(self.settings, people, groups)

    def names(self) -> Names:
        names = Names()
        for user_id, document in self.users.items():
            names.add(user_id, names_of(document), has_id=True)
        return names

    def members(self) -> dict[str, set[str]]:
        """Return each group's members by displayName: userNames, and the values that wait."""
        names = self.names()
        return {
            head["displayName"]: {
                self.users[found]["userName"] if (found := names.link(value)) else value
                for value in self.sent[group_id]
            }
            for group_id, head in self.heads.items()
        }

    async def send(
        self, purpose: str, method: str, path: str, body: Any = None, *, expect: tuple[int, ...] = (200,)
    ) -> Answer:
        self.requests += 1
        answer = self._answer(method, path, msgspec.json.decode(msgspec.json.encode(body)))
        if self.failing_after is not None and self.requests > self.failing_after:
            raise CommandError("nobody answers")
        assert answer.status in expect, (purpose, path, body, answer)
        return answer

    def _answer(self, method: str, path: str, body: Any) -> Answer:
        kind, _, rest = path.partition("/")
        try:
            if method == "GET":
                return self._find(path)
            if method == "POST":
                return self._create_user(body) if kind == "Users" else self._create_group(body)
            return self._change_user(rest, body) if kind == "Users" else self._change_group(rest, body["Operations"])
        except ScimError as error:
            return Answer(400, {"detail": error.detail})

    def _new_id(self, kind: str, name: str) -> str:
        """Make an id that says who was created, so that the order of creations does not show in ids."""
        made = f"{kind}_{fold(name)}"
        while made in self._ids:
            made += "."
        self._ids.add(made)
        return made

    def _find(self, path: str) -> Answer:
        match = re.fullmatch(r'(\w+)\?filter=(\w+) eq "(.*)"&excludedAttributes=.*', unquote(path))
        assert match is not None, path
        kind, attribute, text = match.groups()
        wanted = fold(re.sub(r"\\(.)", r"\1", text))
        found = self.users if kind == "Users" else self.heads
        resources = [{"id": key, **doc} for key, doc in found.items() if fold(doc[attribute]) == wanted]
        return Answer(200, {"Resources": resources})

    def _create_user(self, body: Document) -> Answer:
        document = with_rules(canonicalise(body, user_schema()).document, None, self.settings)
        if taken := self._taken(document, None):
            return taken
        user_id = self._new_id("usr", body["userName"])
        self.users[user_id] = document
        return Answer(201, {"id": user_id, **document})

    def _change_user(self, user_id: str, message: Document) -> Answer:
        if user_id not in self.users:
            return Answer(404, {"detail": "nobody"})
        old = self.users[user_id]
        document = with_rules(apply_patch(old, message, user_schema()).document, old, self.settings)
        if taken := self._taken(document, user_id):
            return taken
        self.users[user_id] = document
        return Answer(200, {"id": user_id, **document})

    def _taken(self, document: Document, user_id: str | None) -> Answer | None:
        for other_id, other in self.users.items():
            if other_id != user_id and _claims(other) & _claims(document):
                return Answer(409, {"detail": "taken"})
        return None

    def _create_group(self, body: Document) -> Answer:
        if any(fold(head["displayName"]) == fold(body["displayName"]) for head in self.heads.values()):
            return Answer(409, {"detail": "taken"})
        group_id = self._new_id("grp", body["displayName"])
        self.heads[group_id] = {key: body[key] for key in ("displayName", "externalId") if key in body}
        self.sent[group_id] = set()
        return Answer(201, {"id": group_id, **self.heads[group_id]})

    def _change_group(self, group_id: str, operations: list[Document]) -> Answer:
        for operation in operations:
            if "path" not in operation:
                name = operation["value"].get("displayName")
                others = [head for key, head in self.heads.items() if key != group_id]
                if name and any(fold(head["displayName"]) == fold(name) for head in others):
                    return Answer(409, {"detail": "taken"})
                self.heads[group_id] |= operation["value"]
            elif operation["op"] == "add":
                self.sent[group_id] |= {member["value"] for member in operation["value"]}
            else:
                self._remove(group_id, {member["value"] for member in operation["value"]})
        return Answer(204, {})

    def _remove(self, group_id: str, values: set[str]) -> None:
        names = self.names()
        people = {names.link(value) for value in values} - {None}
        self.sent[group_id] = {
            value for value in self.sent[group_id] if value not in values and names.link(value) not in people
        }


def _claims(document: Mapping[str, Any]) -> set[tuple[str, str]]:
    email = principal_email(document.get("emails", ()))
    return {("userName", fold(document["userName"]))} | ({("email", fold(email))} if email else set())


def _text(document: Document) -> str:
    return msgspec.json.encode(document).decode()
