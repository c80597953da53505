"""The decision loop over the in-memory log: races for names, refusals, deadlines."""

import asyncio
import itertools
from functools import partial
from typing import Any

import pytest

from rollbook_contracts.claims import ClaimKey
from rollbook_contracts.identifiers import new_id
from rollbook_contracts.settings import TenantSettings
from rollbook_gateway.decide.state import AbsentUser, PresentUser, UserState
from rollbook_gateway.decide.user import Decider, Decision, Tenant
from rollbook_gateway.log.memory import MemoryEventLog
from rollbook_gateway.requests.decision_loop import DecisionLoop, Written
from rollbook_gateway.scim.errors import ErrorKind, ScimError

TENANT = Tenant("ten_0000000000000000000000000a", "acme", 0, TenantSettings(default_region="EMEA"))
OTHER = Tenant("ten_0000000000000000000000000b", "other", 0, TenantSettings(default_region="EMEA"))
_requests = itertools.count()


def loop_over(log: MemoryEventLog) -> DecisionLoop:
    return DecisionLoop(log, ClaimKey(bytes(32)), lambda: "2026-11-24T08:00:00.000000Z")


async def create(loop: DecisionLoop, name: str, tenant: Tenant = TENANT) -> tuple[str, Written]:
    user_id = new_id("usr")

    def decide(decider: Decider, now: str) -> Decision:
        return decider.create(user_id, {"userName": name}, now=now)

    return user_id, await loop.create(tenant, f"req{next(_requests)}", decide)


async def change(loop: DecisionLoop, user_id: str, **values: Any) -> Written | None:
    def decide(decider: Decider, state: UserState) -> Decision | None:
        assert isinstance(state, PresentUser)
        return decider.change(state, {**state.document, **values})

    return (await loop.change(TENANT, f"req{next(_requests)}", user_id, decide))[1]


async def delete(loop: DecisionLoop, user_id: str) -> None:
    def decide(decider: Decider, state: UserState) -> Decision:
        assert isinstance(state, PresentUser)
        return decider.delete(state)

    await loop.change(TENANT, f"req{next(_requests)}", user_id, decide)


async def test_of_many_who_want_one_name_one_gets_it() -> None:
    """A hundred simultaneous creations with one userName over two gateways: one is stored, the others are refused."""
    log = MemoryEventLog(1)
    loops = [loop_over(log), loop_over(log)]
    results = await asyncio.gather(
        *(create(loops[number % 2], "ada") for number in range(100)),
        return_exceptions=True,
    )
    refused = [result for result in results if isinstance(result, ScimError)]
    assert len(refused) == 99
    assert {error.kind for error in refused} == {ErrorKind.UNIQUENESS}


async def test_names_of_other_tenants_do_not_count() -> None:
    """Two tenants may have people of the same userName."""
    loop = loop_over(MemoryEventLog(1))
    await create(loop, "ada")
    _, written = await create(loop, "ada", OTHER)
    assert written.sequence == 4


async def test_a_released_name_is_taken_again() -> None:
    """After a deletion, and after a rename, the name is free: the next one guards with the release."""
    loop = loop_over(MemoryEventLog(1))
    first, _ = await create(loop, "ada")
    await delete(loop, first)
    second, _ = await create(loop, "ADA")
    await change(loop, second, userName="countess")
    third, _ = await create(loop, "ada")
    assert len({first, second, third}) == 3


async def test_concurrent_changes_of_one_person_are_all_kept() -> None:
    """Sixty-four changes of different attributes at once, over two gateways: every one is in the end state."""
    log = MemoryEventLog(1)
    loops = [loop_over(log), loop_over(log)]
    user_id, _ = await create(loops[0], "ada")
    await asyncio.gather(
        *(change(loops[number % 2], user_id, **{f"custom{number}": "x"}) for number in range(64)),
    )
    state = await loops[0].load(TENANT, user_id)
    assert isinstance(state, PresentUser)
    assert {f"custom{number}" for number in range(64)} <= state.document.keys()


async def test_a_change_that_changes_nothing_appends_nothing() -> None:
    """The log's head stays where it is."""
    log = MemoryEventLog(1)
    loop = loop_over(log)
    user_id, written = await create(loop, "ada")
    assert await change(loop, user_id, userName="ada") is None
    assert await log.head(0) == written.sequence


async def test_two_swap_their_names_in_turn() -> None:
    """A name that somebody holds is refused to another, and nothing of that change is stored."""
    log = MemoryEventLog(1)
    loop = loop_over(log)
    await create(loop, "ada")
    other, written = await create(loop, "jo")
    with pytest.raises(ScimError, match="userName 'Ada' already belongs to another user"):
        await change(loop, other, userName="Ada", title="Countess")
    assert await log.head(0) == written.sequence
    await partial(change, loop, other, title="Countess")()


async def test_what_is_remembered_answers_nothing() -> None:
    """A change that looks like none to a gateway with an old memory is decided on what the log has, and written."""
    log = MemoryEventLog(1)
    one, other = loop_over(log), loop_over(log)
    user_id, _ = await create(one, "ada")
    await change(one, user_id, title="a")
    await change(other, user_id, title="b")
    assert await change(one, user_id, title="a") is not None
    state = await other.load(TENANT, user_id)
    assert isinstance(state, PresentUser)
    assert state.document["title"] == "a"


async def test_a_person_deleted_elsewhere_is_gone_here() -> None:
    """A gateway that remembers a person finds out at the write that another gateway deleted the person."""
    log = MemoryEventLog(1)
    one, other = loop_over(log), loop_over(log)
    user_id, _ = await create(one, "ada")
    await delete(other, user_id)
    with pytest.raises(AssertionError):
        await change(one, user_id, title="a")
    assert isinstance(await one.load(TENANT, user_id), AbsentUser)
