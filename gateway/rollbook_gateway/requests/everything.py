"""Searches at the root, of people and groups together (RFC 7644, 3.4.2.1); called by the edge's routes."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import msgspec

from rollbook_gateway.requests.caller import Answer, Caller, answer
from rollbook_gateway.requests.groups import Groups
from rollbook_gateway.requests.search_request import Query, from_search_request
from rollbook_gateway.requests.users import Users
from rollbook_gateway.scim.errors import ErrorKind, ScimError
from rollbook_gateway.scim.json_body import parse
from rollbook_gateway.scim.lists import Page, page
from rollbook_gateway.scim.rendering import list_response
from rollbook_gateway.scim.values import Document

_Find: TypeAlias = Callable[[Caller, Query, Page], Awaitable[tuple[int, Sequence[Document | msgspec.Raw]]]]


class Everything:
    """All resources of a tenant: people first, then groups."""

    def __init__(self, users: Users, groups: Groups) -> None:
        self._kinds: tuple[_Find, ...] = (users.find, groups.find)

    async def search(self, caller: Caller, body: bytes) -> Answer:
        """POST /.search (RFC 7644, 3.4.3): a list whose query stands in the body.

        A filter that means nothing for one kind of resource finds none of them; it is refused where it means nothing
        for any.
        """
        query = from_search_request(parse(body), caller.draft.notes)
        wanted = page(query.start_index, query.count)
        ended = False
        total, resources, refusals = 0, list[Document | msgspec.Raw](), list[ScimError]()
        for find in self._kinds:
            rest = Page(max(1, wanted.start_index - total), 0 if ended else wanted.count - len(resources))
            try:
                count, found = await find(caller, query, rest)
            except ScimError as error:
                if error.kind is not ErrorKind.INVALID_FILTER:
                    raise
                refusals.append(error)
                continue
            total += count
            resources += found
            # A page may end early: what follows begins on the next one.
            ended = ended or len(found) < min(rest.count, count - rest.start_index + 1)
        if len(refusals) == len(self._kinds):
            raise refusals[0]
        return answer(200, list_response(resources, total, wanted.start_index))
