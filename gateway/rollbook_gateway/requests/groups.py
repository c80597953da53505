"""Requests on /Groups: POST, GET, PUT, PATCH, DELETE and lists; called by the edge's routes with an admitted caller."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Protocol

import msgspec

from rollbook_contracts.identifiers import kind_of
from rollbook_gateway.decide.group import GroupDecider
from rollbook_gateway.decide.membership import UNTOUCHED, Membership
from rollbook_gateway.decide.state import PresentGroup
from rollbook_gateway.decide.user import Decision
from rollbook_gateway.intake.bodies import Bodies
from rollbook_gateway.provisioning_log.draft import known_name
from rollbook_gateway.requests.caller import Answer, Caller, answer
from rollbook_gateway.requests.conditions import check_conditions, not_modified
from rollbook_gateway.requests.group_log import GroupLog, MembersEnd, not_found
from rollbook_gateway.requests.group_writes import GroupWrites, GroupWritten, Order
from rollbook_gateway.requests.search_request import Query, from_search_request, read_filter
from rollbook_gateway.scim.compiled import group_schema
from rollbook_gateway.scim.filters import Filter
from rollbook_gateway.scim.group_rendering import Member, MemberAsSent, in_parts, members, shows_whole_members
from rollbook_gateway.scim.json_body import parse
from rollbook_gateway.scim.lists import Page, page
from rollbook_gateway.scim.patch.apply import apply_operations
from rollbook_gateway.scim.rendering import Meta, Projection, etag, list_response, projection, render
from rollbook_gateway.scim.values import Document
from rollbook_gateway.search.members import Members
from rollbook_gateway.search.rows import GroupPage, GroupRow

MEMBERS_AT_ONCE = 1_000
"""Members encoded before others have a turn: 1 to 2 ms."""


class GroupSearch(Protocol):
    """What is asked of the tables: groups with their members, and lists.

    Both raise ``StaleError``, ``SearchUnavailableError`` and the log's ``UnavailableError``: the caller may try again.
    """

    async def group(self, tenant: str, partition: int, group_id: str) -> GroupRow | None:
        """Return a group with all of its members, ``None`` where there is none."""

    async def page(
        self,
        tenant: str,
        partition: int,
        condition: Filter | None,
        start_index: int,
        count: int,
        *,
        members: bool,
    ) -> GroupPage:
        """Return ``count`` groups at most, from ``start_index`` (1 is the first) on; members only where asked for."""


class Groups:
    """The groups of a tenant; ``new_group_id`` makes ids, ``bodies`` reads what was sent."""

    def __init__(
        self,
        writes: GroupWrites,
        log: GroupLog,
        search: GroupSearch,
        bodies: Bodies,
        new_group_id: Callable[[], str],
    ) -> None:
        self._writes = writes
        self._log = log
        self._search = search
        self._bodies = bodies
        self._new_group_id = new_group_id
        self._schema = group_schema()

    async def create(self, caller: Caller, body: Sequence[bytes], shown: Projection) -> Answer:
        """POST /Groups (RFC 7644, 3.3): 201 with the group as it was sent."""
        sent = await self._bodies.group(body, caller.draft.notes)
        caller.draft.resource_name = known_name(sent.document)
        membership = sent.membership if sent.membership.replaced else UNTOUCHED
        order = self._order(caller, self._new_group_id(), membership)
        written = await self._writes.create(order, sent.document)
        return await self._written(caller, order, written, shown, status=201)

    async def get(self, caller: Caller, group_id: str, shown: Projection) -> Answer:
        """GET /Groups/{id} (RFC 7644, 3.4.1): 200, or 304; the members come from the tables, all else from the log."""
        group_id = known_form(group_id)
        members = shown.shows("members")
        if not members or caller.if_none_match:
            state, end = await self._log.whole(caller.tenant, group_id)
            caller.draft.about(group_id, state.document)
            version = group_version(state.sequence, end.sequence)
            if not_modified(caller.if_none_match, version):
                return Answer(304, headers={"ETag": etag(version)})
            if not members:
                times = (state.created, max(state.last_modified, end.time or ""), version)
                return answer(200, self._head(caller, group_id, state.document, times, shown), {"ETag": etag(version)})
        row = await self._search.group(caller.tenant.id, caller.tenant.partition, group_id)
        if row is None:
            raise not_found(group_id)
        caller.draft.about(group_id, msgspec.json.decode(row.document))
        version = group_version(row.fact_seq, row.members_seq)
        pieces = await self._members(caller, row.members, shown)
        return Answer(200, in_parts(self._row(caller, row, shown), pieces), {"ETag": etag(version)})

    async def replace(self, caller: Caller, group_id: str, body: Sequence[bytes], shown: Projection) -> Answer:
        """PUT /Groups/{id} (RFC 7644, 3.5.1): 200 with the group as it was sent; never creates one."""
        order = self._order(caller, known_form(group_id), UNTOUCHED)
        sent = await self._bodies.group(body, caller.draft.notes)
        caller.draft.resource_name = known_name(sent.document)
        order = replace(order, membership=sent.membership)

        def decide(decider: GroupDecider, group: PresentGroup) -> Decision | None:
            return decider.change(group, sent.document)

        written = await self._writes.change(order, decide, _check(caller))
        return await self._written(caller, order, written, shown, status=200)

    async def patch(self, caller: Caller, group_id: str, body: Sequence[bytes]) -> Answer:
        """PATCH /Groups/{id} (RFC 7644, 3.5.2): 204, all operations or none applied; the members are never loaded."""
        group_id = known_form(group_id)
        sent = await self._bodies.patch(body, caller.draft.notes)
        order = self._order(caller, group_id, sent.membership)
        check = _check(caller)
        if sent.head or check is not None or sent.membership.staged or sent.membership.changes_nothing:

            def decide(decider: GroupDecider, group: PresentGroup) -> Decision | None:
                caller.draft.about(group_id, group.document)
                patched = apply_operations(group.document, sent.head, self._schema, caller.draft.notes)
                return decider.change(group, patched.document)

            await self._writes.change(order, decide, check)
        else:
            await self._writes.append(order)
        return Answer(204)

    async def delete(self, caller: Caller, group_id: str) -> Answer:
        """DELETE /Groups/{id} (RFC 7644, 3.6): 204; its name is free again, its members stay people."""
        order = self._order(caller, known_form(group_id), UNTOUCHED)
        await self._writes.delete(order, _check(caller))
        return Answer(204)

    async def search(self, caller: Caller, body: bytes) -> Answer:
        """POST /Groups/.search (RFC 7644, 3.4.3): a list whose query stands in the body."""
        return await self.list(caller, from_search_request(parse(body), caller.draft.notes))

    async def list(self, caller: Caller, query: Query) -> Answer:
        """GET /Groups (RFC 7644, 3.4.2): a page of those that match, in the order in which they were created."""
        wanted = page(query.start_index, query.count)
        total, resources = await self.find(caller, query, wanted)
        return answer(200, list_response(resources, total, wanted.start_index))

    async def find(self, caller: Caller, query: Query, wanted: Page) -> tuple[int, Sequence[msgspec.Raw]]:
        """Return how many match, and those of the page."""
        shown = shown_of_group(query.attributes, query.excluded_attributes)
        condition = read_filter(caller, query.filter, self._schema)
        found = await self._search.page(
            caller.tenant.id,
            caller.tenant.partition,
            condition,
            wanted.start_index,
            wanted.count,
            members=shown.shows("members"),
        )
        resources = []
        for row in found.rows:
            parts = in_parts(self._row(caller, row, shown), await self._members(caller, row.members, shown))
            resources.append(msgspec.Raw(b"".join(parts)))
        return found.total, resources

    async def _written(
        self, caller: Caller, order: Order, written: GroupWritten, shown: Projection, *, status: int
    ) -> Answer:
        caller.draft.about(order.group_id, written.document)
        version = group_version(written.sequence, written.members_sequence)
        times = (written.created, written.last_modified, version)
        resource = self._head(caller, order.group_id, written.document, times, shown)
        pieces: Sequence[bytes] = ()
        if shown.shows("members"):
            sent = ([MemberAsSent(value) for value in values] for values in order.membership.replaced or ())
            pieces = await self._pieces(caller, sent, shown)
        location = f"{caller.base_url}/Groups/{order.group_id}"
        return Answer(status, in_parts(resource, pieces), {"ETag": etag(version), "Location": location})

    async def _members(self, caller: Caller, found: Members, shown: Projection) -> Sequence[bytes]:
        if not shows_whole_members(shown):
            return await self._pieces(caller, _some(found), shown)
        pieces = []
        for piece in found.rendered(f"{caller.base_url}/Users"):
            pieces.append(piece)
            await asyncio.sleep(0)
        return pieces

    async def _pieces(self, caller: Caller, found: Iterable[Sequence[Member]], shown: Projection) -> Sequence[bytes]:
        """Return members in JSON, with commas between them, and let others have their turn between the pieces."""
        pieces = []
        for some in found:
            pieces.append(msgspec.json.encode(members(some, caller.base_url, shown))[1:-1])
            await asyncio.sleep(0)
        return pieces

    def _row(self, caller: Caller, row: GroupRow, shown: Projection) -> Document:
        times = (
            row.created,
            max(row.last_modified, row.members_modified or ""),
            group_version(row.fact_seq, row.members_seq),
        )
        return self._head(caller, row.id, msgspec.json.decode(row.document), times, shown)

    def _head(
        self, caller: Caller, group_id: str, document: Document, times: tuple[str, str, str], shown: Projection
    ) -> Document:
        created, last_modified, version = times
        location = f"{caller.base_url}/Groups/{group_id}"
        return render(document, group_id, Meta("Group", created, last_modified, location, version), self._schema, shown)

    def _order(self, caller: Caller, group_id: str, membership: Membership) -> Order:
        return Order(caller.tenant, caller.request_id, group_id, membership, caller.draft)


def shown_of_group(attributes: str | None, excluded: str | None) -> Projection:
    """Read the query parameters ``attributes`` and ``excludedAttributes`` (RFC 7644, 3.9)."""
    return projection(attributes, excluded, group_schema())


def group_version(head: int, members_sequence: int) -> str:
    """Return the version of a group: the last sequences of its head and of its members, 0 where it never had any."""
    return f"{head}.{members_sequence}"


def known_form(group_id: str) -> str:
    """Return an id that may be a group's; ids are made here, so one of another form was never given out."""
    if kind_of(group_id) != "grp":
        raise not_found(group_id)
    return group_id


def _some(found: Iterable[Member]) -> Iterator[Sequence[Member]]:
    following = iter(found)
    while some := list(islice(following, MEMBERS_AT_ONCE)):
        yield some


def _check(caller: Caller) -> Callable[[PresentGroup, MembersEnd], None] | None:
    """Return the check of the request's conditions, ``None`` where it has none."""
    if caller.if_match is None and caller.if_none_match is None:
        return None

    def check(state: PresentGroup, end: MembersEnd) -> None:
        check_conditions(caller.if_match, caller.if_none_match, group_version(state.sequence, end.sequence))

    return check
