"""Requests on /Groups: POST, GET, PUT, PATCH, DELETE and lists; called by the edge's routes with an admitted caller."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Protocol

import msgspec

from rollbook_contracts.identifiers import kind_of
from rollbook_gateway.decide.group import GroupDecider
from rollbook_gateway.decide.membership import UNTOUCHED, Membership
from rollbook_gateway.decide.state import PresentGroup
from rollbook_gateway.decide.user import Decision
from rollbook_gateway.intake.bodies import Bodies
from rollbook_gateway.log.port import UnavailableError
from rollbook_gateway.provisioning_log.draft import known_name
from rollbook_gateway.requests.caller import Answer, Caller, answer
from rollbook_gateway.requests.conditions import not_matched, ruled_out
from rollbook_gateway.requests.group_log import GroupLog, not_found, present_group
from rollbook_gateway.requests.group_tags import (
    head_version,
    may_name_whole,
    names_any,
    names_head,
    names_whole,
    whole_version,
)
from rollbook_gateway.requests.group_writes import Check, GroupWrites, GroupWritten, Order
from rollbook_gateway.requests.member_pieces import member_pieces, pieces_of
from rollbook_gateway.requests.search_request import Query, from_search_request, read_filter
from rollbook_gateway.scim.compiled import group_schema
from rollbook_gateway.scim.errors import ScimError
from rollbook_gateway.scim.filters import Filter
from rollbook_gateway.scim.group_rendering import MemberAsSent, in_parts
from rollbook_gateway.scim.json_body import parse
from rollbook_gateway.scim.lists import Page, page
from rollbook_gateway.scim.patch.apply import apply_operations
from rollbook_gateway.scim.rendering import Meta, Projection, etag, list_response, projection, render
from rollbook_gateway.scim.values import Document
from rollbook_gateway.search.errors import SearchUnavailableError, StaleError
from rollbook_gateway.search.rows import GroupPage, GroupRow


class GroupSearch(Protocol):
    """What is asked of the tables: groups with their members, and lists.

    All raise ``StaleError``, ``SearchUnavailableError`` and the log's ``UnavailableError``: the caller may try again.
    """

    async def group(self, tenant: str, partition: int, group_id: str) -> GroupRow | None:
        """Return a group with all of its members, ``None`` where there is none."""

    async def state(self, tenant: str, partition: int, group_id: str) -> GroupRow | None:
        """Return the same group without reading the members, however many: when they changed is known all the same."""

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
        sent = await self._bodies.group(caller.tenant.id, body, caller.draft.notes)
        caller.draft.resource_name = known_name(sent.document)
        membership = sent.membership if sent.membership.replaced else UNTOUCHED
        order = self._order(caller, self._new_group_id(), membership)
        written = await self._writes.create(order, sent.document)
        return await self._written(caller, order, written, shown, status=201)

    async def get(self, caller: Caller, group_id: str, shown: Projection) -> Answer:
        """GET /Groups/{id} (RFC 7644, 3.4.1): 200, or 304; the members come from the tables, all else from the log."""
        group_id = known_form(group_id)
        if not shown.shows("members"):
            return await self._get_head(caller, group_id, shown)
        if caller.if_none_match is not None:
            row = await self._there(caller, group_id, self._search.state)
            if names_any(caller.if_none_match) or names_whole(caller.if_none_match, row.fact_seq, row.shown_seq):
                return Answer(304, headers={"ETag": etag(whole_version(row.fact_seq, row.shown_seq))})
        row = await self._there(caller, group_id, self._search.group)
        pieces = await member_pieces(row.members, caller.base_url, shown)
        headers = {"ETag": etag(whole_version(row.fact_seq, row.shown_seq))}
        return Answer(200, in_parts(self._row(caller, row, shown), pieces), headers)

    async def replace(self, caller: Caller, group_id: str, body: Sequence[bytes], shown: Projection) -> Answer:
        """PUT /Groups/{id} (RFC 7644, 3.5.1): 200 with the group as it was sent; never creates one."""
        order = self._order(caller, known_form(group_id), UNTOUCHED)
        sent = await self._bodies.group(caller.tenant.id, body, caller.draft.notes)
        caller.draft.resource_name = known_name(sent.document)
        order = replace(order, membership=sent.membership)

        def decide(decider: GroupDecider, group: PresentGroup) -> Decision | None:
            return decider.change(group, sent.document)

        written = await self._writes.change(order, decide, self._check(caller))
        return await self._written(caller, order, written, shown, status=200)

    async def patch(
        self, caller: Caller, group_id: str, body: Sequence[bytes], shown: Projection | None = None
    ) -> Answer:
        """PATCH /Groups/{id} (RFC 7644, 3.5.2): all operations or none applied; the write loads no member.

        204, or where attributes were asked for 200 with them.
        """
        group_id = known_form(group_id)
        sent = await self._bodies.patch(caller.tenant.id, body, caller.draft.notes)
        order = self._order(caller, group_id, sent.membership)
        check = self._check(caller)
        if sent.head or check is not None or sent.membership.staged or sent.membership.changes_nothing:

            def decide(decider: GroupDecider, group: PresentGroup) -> Decision | None:
                caller.draft.about(group_id, group.document)
                patched = apply_operations(group.document, sent.head, self._schema, caller.draft.notes)
                return decider.change(group, patched.document)

            await self._writes.change(order, decide, check)
        else:
            await self._writes.append(order)
        return Answer(204) if shown is None else await self._patched(caller, group_id, shown)

    async def delete(self, caller: Caller, group_id: str) -> Answer:
        """DELETE /Groups/{id} (RFC 7644, 3.6): 204; its name is free again, its members stay people."""
        order = self._order(caller, known_form(group_id), UNTOUCHED)
        await self._writes.delete(order, self._check(caller))
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
            parts = in_parts(self._row(caller, row, shown), await member_pieces(row.members, caller.base_url, shown))
            resources.append(msgspec.Raw(b"".join(parts)))
        return found.total, resources

    async def _patched(self, caller: Caller, group_id: str, shown: Projection) -> Answer:
        """Return a group after a PATCH; 204 where it cannot be read now, for the write is stored all the same."""
        try:
            return await self.get(replace(caller, if_none_match=None), group_id, shown)
        except (StaleError, SearchUnavailableError, UnavailableError, ScimError):
            return Answer(204)

    async def _get_head(self, caller: Caller, group_id: str, shown: Projection) -> Answer:
        """Return a group without members, as the log's leader has it."""
        state = present_group(group_id, await self._log.head(caller.tenant, group_id))
        caller.draft.about(group_id, state.document)
        version, condition = head_version(state.sequence), caller.if_none_match
        if condition is not None and (names_any(condition) or names_head(condition, state.sequence)):
            return Answer(304, headers={"ETag": etag(version)})
        times = (state.created, state.last_modified, version)
        return answer(200, self._head(caller, group_id, state.document, times, shown), {"ETag": etag(version)})

    async def _there(
        self, caller: Caller, group_id: str, read: Callable[[str, int, str], Awaitable[GroupRow | None]]
    ) -> GroupRow:
        """Return a group that is read from the tables; raise ``notFound`` where there is none."""
        row = await read(caller.tenant.id, caller.tenant.partition, group_id)
        if row is None:
            raise not_found(group_id)
        caller.draft.about(group_id, msgspec.json.decode(row.document))
        return row

    def _check(self, caller: Caller) -> Check | None:
        """Return the check of the request's If-Match and If-None-Match, ``None`` where there is nothing to check."""
        wanted, unwanted = caller.if_match, caller.if_none_match
        if (wanted is None or names_any(wanted)) and unwanted is None:
            return None

        async def check(state: PresentGroup) -> None:
            if wanted is not None:
                version, named = await self._named(caller, wanted, state)
                if not named:
                    raise not_matched(wanted, version)
            if unwanted is not None:
                version, named = await self._named(caller, unwanted, state)
                if named:
                    raise ruled_out(unwanted, version)

        return check

    async def _named(self, caller: Caller, condition: str, state: PresentGroup) -> tuple[str, bool]:
        """Return the present version as the condition counts, and whether it names that.

        Only a version that counts the members makes it ask the tables, once they hold all that was accepted by then.
        """
        version = head_version(state.sequence)
        if names_any(condition) or names_head(condition, state.sequence):
            return version, True
        if not may_name_whole(condition, state.sequence):
            return version, False
        row = await self._there(caller, state.id, self._search.state)
        return whole_version(state.sequence, row.shown_seq), names_whole(condition, state.sequence, row.shown_seq)

    async def _written(
        self, caller: Caller, order: Order, written: GroupWritten, shown: Projection, *, status: int
    ) -> Answer:
        caller.draft.about(order.group_id, written.document)
        version, modified = head_version(written.sequence), written.head_modified
        if shown.shows("members"):
            version, modified = whole_version(written.sequence, written.members_sequence), written.last_modified
        times = (written.created, modified, version)
        resource = self._head(caller, order.group_id, written.document, times, shown)
        pieces: Sequence[bytes] = ()
        if shown.shows("members"):
            sent = ([MemberAsSent(value) for value in values] for values in order.membership.replaced or ())
            pieces = await pieces_of(sent, caller.base_url, shown)
        location = f"{caller.base_url}/Groups/{order.group_id}"
        return Answer(status, in_parts(resource, pieces), {"ETag": etag(version), "Location": location})

    def _row(self, caller: Caller, row: GroupRow, shown: Projection) -> Document:
        times = (row.created, row.last_modified, head_version(row.fact_seq))
        if shown.shows("members"):
            modified = max(row.last_modified, row.shown_modified or "")
            times = (row.created, modified, whole_version(row.fact_seq, row.shown_seq))
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


def known_form(group_id: str) -> str:
    """Return an id that may be a group's; ids are made here, so one of another form was never given out."""
    if kind_of(group_id) != "grp":
        raise not_found(group_id)
    return group_id
