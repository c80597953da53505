"""Searches at the root: people and then groups, as one list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec
import pytest

from rollbook_contracts.settings import TenantSettings
from rollbook_gateway.decide.user import Tenant
from rollbook_gateway.requests.caller import Caller
from rollbook_gateway.requests.everything import Everything
from rollbook_gateway.requests.groups import Groups
from rollbook_gateway.requests.search_request import Query
from rollbook_gateway.requests.users import Users
from rollbook_gateway.scim.lists import Page
from rollbook_gateway.scim.values import Document

CALLER = Caller(Tenant("ten_a", "acme", 0, TenantSettings()), "req_a", "http://x")


@dataclass
class Kind:
    """Resources of a kind, of which a page holds ``most``."""

    ids: Sequence[str]
    most: int = 100

    async def find(self, _caller: Caller, _query: Query, wanted: Page) -> tuple[int, Sequence[Document]]:
        first = wanted.start_index - 1
        return len(self.ids), [{"id": one} for one in self.ids[first : first + min(wanted.count, self.most)]]


@pytest.mark.parametrize("most", [1, 2, 100])
@pytest.mark.parametrize("count", [1, 2, 3, 10])
async def test_nobody_is_left_out_where_pages_end_early(most: int, count: int) -> None:
    """A client that goes on behind what it got sees each resource once, also where a page of people ends early."""
    people, groups = ["u1", "u2", "u3", "u4", "u5"], ["g1", "g2", "g3"]
    everything = Everything(cast("Users", Kind(people, most)), cast("Groups", Kind(groups, most)))
    found: list[str] = []
    while True:
        body = msgspec.json.encode({"startIndex": len(found) + 1, "count": count})
        answer = await everything.search(CALLER, body)
        assert isinstance(answer.body, bytes)
        page: dict[str, Any] = msgspec.json.decode(answer.body)
        found += [resource["id"] for resource in page["Resources"]]
        if len(found) == page["totalResults"]:
            break
        assert page["Resources"]
    assert found == people + groups
