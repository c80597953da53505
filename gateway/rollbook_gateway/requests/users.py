"""Requests on /Users: POST, GET, PUT, PATCH, DELETE and lists; called by the edge's routes with an admitted caller."""

from collections.abc import Callable, Sequence

import msgspec

from rollbook_contracts.identifiers import kind_of
from rollbook_gateway.decide.state import PresentUser, UserState
from rollbook_gateway.decide.user import Decider, Decision
from rollbook_gateway.requests import user_tags
from rollbook_gateway.requests.caller import Answer, Caller, answer
from rollbook_gateway.requests.conditions import check_if_match, not_modified
from rollbook_gateway.requests.decision_loop import DecisionLoop, Written
from rollbook_gateway.requests.search_request import Query, from_search_request, read_filter
from rollbook_gateway.scim.compiled import user_schema
from rollbook_gateway.scim.document import canonicalise
from rollbook_gateway.scim.errors import ErrorKind, ScimError
from rollbook_gateway.scim.json_body import parse
from rollbook_gateway.scim.lists import Page, page
from rollbook_gateway.scim.matching import with_active
from rollbook_gateway.scim.patch.apply import apply_patch
from rollbook_gateway.scim.rendering import Meta, Projection, etag, list_response, memberships, projection, render
from rollbook_gateway.scim.values import Document
from rollbook_gateway.search.rows import Membership
from rollbook_gateway.search.users import UserSearch


class Users:
    """The people of a tenant; ``new_user_id`` makes ids, writes go through the decision loop, lists through search."""

    def __init__(self, decisions: DecisionLoop, search: UserSearch, new_user_id: Callable[[], str]) -> None:
        self._decisions = decisions
        self._search = search
        self._new_user_id = new_user_id
        self._schema = user_schema()

    async def create(self, caller: Caller, body: bytes, shown: Projection) -> Answer:
        """POST /Users (RFC 7644, 3.3): 201 with the person."""
        document = self._document(caller, body)
        user_id = self._new_user_id()

        def create(decider: Decider, now: str) -> Decision:
            return decider.create(user_id, document, now=now)

        written = await self._decisions.create(caller.tenant, caller.request_id, create)
        return self._written(caller, user_id, written, shown, status=201)

    async def get(self, caller: Caller, user_id: str, shown: Projection) -> Answer:
        """GET /Users/{id} (RFC 7644, 3.4.1): 200, or 304 where the condition says that it is known.

        What was stored comes from the log; the tables are asked for the person's groups alone, where they are shown.
        """
        tenant = caller.tenant
        state = present(user_id, await self._decisions.load(tenant, known_form(user_id)))
        caller.draft.about(user_id, state.document)
        groups = await self._search.groups(tenant.id, tenant.partition, user_id) if shown.shows("groups") else ()
        version = user_tags.version(state.sequence, groups)
        if not_modified(caller.if_none_match, version):
            return Answer(304, headers={"ETag": etag(version)})
        return self._present(caller, state, shown, groups)

    async def replace(self, caller: Caller, user_id: str, body: bytes, shown: Projection) -> Answer:
        """PUT /Users/{id} (RFC 7644, 3.5.1): 200 with the person; never creates one."""
        document = self._document(caller, body)
        return await self._change(caller, user_id, lambda decider, person: decider.replace(person, document), shown)

    async def patch(self, caller: Caller, user_id: str, body: bytes, shown: Projection) -> Answer:
        """PATCH /Users/{id} (RFC 7644, 3.5.2): 200 with the person, all operations or none applied."""
        caller.draft.message = message = parse(body)

        def patch(decider: Decider, person: PresentUser) -> Decision | None:
            patched = apply_patch(person.document, message, self._schema, caller.draft.notes)
            return decider.change(person, patched.document, patched.removed)

        return await self._change(caller, user_id, patch, shown)

    async def delete(self, caller: Caller, user_id: str) -> Answer:
        """DELETE /Users/{id} (RFC 7644, 3.6): 204; what the person claimed is free again."""

        def delete(decider: Decider, state: UserState) -> Decision:
            person = present(user_id, state)
            caller.draft.about(user_id, person.document)
            check_if_match(user_tags.stored(caller.if_match), person.sequence)
            return decider.delete(person)

        _, written = await self._decisions.change(caller.tenant, caller.request_id, known_form(user_id), delete)
        if written is not None:
            tell(caller, written)
        return Answer(204)

    async def search(self, caller: Caller, body: bytes) -> Answer:
        """POST /Users/.search (RFC 7644, 3.4.3): a list whose query stands in the body."""
        return await self.list(caller, from_search_request(parse(body)))

    async def list(self, caller: Caller, query: Query) -> Answer:
        """GET /Users (RFC 7644, 3.4.2): a page of those who match, in the order in which they were created."""
        wanted = page(query.start_index, query.count)
        total, resources = await self.find(caller, query, wanted)
        return answer(200, list_response(resources, total, wanted.start_index))

    async def find(self, caller: Caller, query: Query, wanted: Page) -> tuple[int, Sequence[Document]]:
        """Return how many match, and those of the page."""
        shown = shown_attributes(query.attributes, query.excluded_attributes)
        condition = read_filter(caller, query.filter, self._schema)
        found = await self._search.page(
            caller.tenant.id,
            caller.tenant.partition,
            condition,
            wanted.start_index,
            wanted.count,
            groups=shown.shows("groups"),
        )
        resources = [
            self._render(
                caller,
                row.id,
                with_active(msgspec.json.decode(row.document)),
                (row.created, row.last_modified, row.fact_seq),
                shown,
                row.groups,
            )
            for row in found.rows
        ]
        return found.total, resources

    def _document(self, caller: Caller, body: bytes) -> Document:
        caller.draft.message = message = parse(body)
        return canonicalise(message, self._schema, caller.draft.notes).document

    async def _change(
        self,
        caller: Caller,
        user_id: str,
        decide: Callable[[Decider, PresentUser], Decision | None],
        shown: Projection,
    ) -> Answer:
        def change(decider: Decider, state: UserState) -> Decision | None:
            person = present(user_id, state)
            caller.draft.about(user_id, person.document)
            check_if_match(user_tags.stored(caller.if_match), person.sequence)
            return decide(decider, person)

        state, written = await self._decisions.change(caller.tenant, caller.request_id, known_form(user_id), change)
        if written is None:
            return self._present(caller, present(user_id, state), shown)
        return self._written(caller, user_id, written, shown, status=200)

    def _present(
        self, caller: Caller, state: PresentUser, shown: Projection, groups: Sequence[Membership] = ()
    ) -> Answer:
        times = (state.created, state.last_modified, state.sequence)
        resource = self._render(caller, state.id, state.document, times, shown, groups)
        return self._answer(200, resource, user_tags.version(state.sequence, groups))

    def _written(self, caller: Caller, user_id: str, written: Written, shown: Projection, *, status: int) -> Answer:
        caller.draft.about(user_id, written.decision.document)
        tell(caller, written)
        times = (written.decision.created, written.time, written.sequence)
        resource = self._render(caller, user_id, written.decision.document, times, shown)
        return self._answer(status, resource, written.sequence, location=self._location(caller, user_id))

    def _render(
        self,
        caller: Caller,
        user_id: str,
        document: Document,
        times: tuple[str, str, int],
        shown: Projection,
        groups: Sequence[Membership] = (),
    ) -> Document:
        created, last_modified, sequence = times
        if groups:
            document = {**document, "groups": memberships(groups, caller.base_url)}
        meta = Meta(
            resource_type="User",
            created=created,
            last_modified=last_modified,
            location=self._location(caller, user_id),
            version=user_tags.version(sequence, groups),
        )
        return render(document, user_id, meta, self._schema, shown)

    def _location(self, caller: Caller, user_id: str) -> str:
        return f"{caller.base_url}/Users/{user_id}"

    def _answer(self, status: int, resource: Document, version: int | str, *, location: str | None = None) -> Answer:
        headers = {"ETag": etag(version)}
        if location is not None:
            headers["Location"] = location
        return answer(status, resource, headers)


def tell(caller: Caller, written: Written) -> None:
    """Tell the provisioning log what was stored."""
    caller.draft.stored([planned.fact for planned in written.decision.facts], written.sequence)


def shown_attributes(attributes: str | None, excluded: str | None) -> Projection:
    """Read the query parameters ``attributes`` and ``excludedAttributes`` (RFC 7644, 3.9)."""
    return projection(attributes, excluded, user_schema())


def known_form(user_id: str) -> str:
    """Return an id that may be a person's; ids are made here, so one of another form was never given out."""
    if kind_of(user_id) != "usr":
        raise not_found(user_id)
    return user_id


def present(user_id: str, state: UserState) -> PresentUser:
    """Return the state of a person who is there; raises ``notFound`` otherwise."""
    if not isinstance(state, PresentUser):
        raise not_found(user_id)
    return state


def not_found(user_id: str) -> ScimError:
    """Return the refusal of an id that names nobody."""
    return ScimError(ErrorKind.NOT_FOUND, f"There is no user with the id {user_id[:100]!r} in this organization.")
