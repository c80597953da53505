"""Requests on groups over the log in memory, beside tables that answer as a test wants."""

from typing import cast

import msgspec
import pytest

from rollbook_contracts.claims import ClaimKey
from rollbook_contracts.identifiers import new_id
from rollbook_contracts.settings import TenantSettings
from rollbook_gateway.decide.user import Tenant
from rollbook_gateway.intake.bodies import PROCESSES, Bodies
from rollbook_gateway.log.memory import MemoryEventLog
from rollbook_gateway.requests.body_turns import BodyTurns
from rollbook_gateway.requests.caller import Caller
from rollbook_gateway.requests.group_log import GroupLog
from rollbook_gateway.requests.group_writes import GroupWrites
from rollbook_gateway.requests.groups import Groups, GroupSearch, shown_of_group
from rollbook_gateway.search.errors import SearchUnavailableError, StaleError
from rollbook_gateway.search.rows import GroupRow
from support.scim import PATCH_OP

TENANT = Tenant("ten_0000000000000000000000000a", "acme", 0, TenantSettings())
CALLER = Caller(TENANT, "req_1", "http://gateway.example/scim/acme/v2")
NOW = "2026-11-24T08:00:00.000000Z"
RENAME = [
    msgspec.json.encode({"schemas": [PATCH_OP], "Operations": [{"op": "add", "path": "externalId", "value": "e"}]})
]


class Tables:
    """Tables that cannot be read."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def group(self, *_asked: object) -> GroupRow | None:
        raise self._error

    state = group


@pytest.mark.parametrize("error", [StaleError("behind"), SearchUnavailableError("away")])
async def test_patch_is_no_failure_where_the_group_cannot_be_shown(error: Exception) -> None:
    """It is stored: 204 says so, whatever was asked for beside it; without members the log shows the group."""
    log = MemoryEventLog(1)
    group_log = GroupLog(log)
    writes = GroupWrites(log, ClaimKey(bytes(32)), lambda: NOW, group_log)
    bodies = Bodies(BodyTurns(PROCESSES).of)
    groups = Groups(writes, group_log, cast("GroupSearch", Tables(error)), bodies, lambda: new_id("grp"))
    created = await groups.create(CALLER, [b'{"displayName": "Learners"}'], shown_of_group(None, None))
    group_id = str(created.headers["Location"]).rpartition("/")[2]
    before = await log.head(0)

    with_members = await groups.patch(CALLER, group_id, RENAME, shown_of_group("members", None))
    without = await groups.patch(CALLER, group_id, RENAME, shown_of_group(None, "members"))

    assert (with_members.status, with_members.body) == (204, b"")
    assert await log.head(0) == before + 1
    assert without.status == 200
    assert isinstance(without.body, bytes)
    assert msgspec.json.decode(without.body)["externalId"] == "e"
