"""Laws of a lane, whatever goes wrong between it and the server: each answer is true and stays true."""

import asyncio
from collections import defaultdict
from typing import TypeAlias, cast
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from rollbook_gateway.log.coalescer import Limits
from rollbook_gateway.log.lane import Lane
from rollbook_gateway.log.port import RefusedError, Stored, UnavailableError, Write
from rollbook_gateway.log.reads import LeaderReads
from rollbook_gateway.log.wire import Wire
from support.fake_wire import FAULTS, FakeWire, Fault
from support.writes import message, request_ids, unique

SUBJECTS = [f"fact.00.ten_t.user.u{number}" for number in range(6)]

Planned: TypeAlias = tuple[list[str], str | None, bool, int, int]

plans = st.lists(
    # Of each write: the subjects, one that it guards and does not write, whether each guard is what the writer last saw
    # there or stale, when it comes, and how many other requests' messages follow on its first subject.
    st.tuples(
        st.lists(st.sampled_from(SUBJECTS), min_size=1, max_size=3, unique=True),
        st.none() | st.sampled_from(SUBJECTS),
        st.booleans(),
        st.integers(0, 6),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=12,
)


async def play(plan: list[Planned], faults: list[Fault], seconds: float) -> tuple[FakeWire, list[tuple[Write, object]]]:
    """Let writers append through a lane; return the server and what each writer was told."""
    wire = FakeWire(iter(faults))
    lane = Lane(cast("Wire", wire), LeaderReads(cast("Wire", wire), patience=0.5), Limits(messages=7, attempt=0.05))
    clock = asyncio.get_running_loop().time

    async def writer(
        subjects: list[str], beside: str | None, stale: bool, turns: int, followers: int
    ) -> tuple[Write, object]:
        for _ in range(turns):
            await asyncio.sleep(0)
        request_id = unique("req")
        guards = [wire.last(subject) if not stale else 0 for subject in subjects]
        messages = [message(subject, guard, request_id) for subject, guard in zip(subjects, guards, strict=True)]
        messages += [message(subjects[0], None, unique("req")) for _ in range(followers)]
        if beside is not None and beside not in subjects:
            guard = wire.last(beside) if not stale else 0
            messages.append(message(subjects[0], guard, request_id, beside=beside))
        write = Write(0, request_id, tuple(messages))
        try:
            return write, await lane.append(write, clock() + seconds)
        except (RefusedError, UnavailableError) as error:
            return write, error

    told = await asyncio.gather(*(writer(*each) for each in plan))
    await lane.drain()
    wire.let_all_ghosts_appear()
    return wire, list(told)


def check(wire: FakeWire, told: list[tuple[Write, object]]) -> None:
    stored: dict[str, list[Stored]] = defaultdict(list)
    for each in wire.messages:
        stored[each.headers["ce-requestid"]].append(each)
    for write, outcome in told:
        copies = [copy for request_id in sorted(request_ids(write.messages)) for copy in stored[request_id]]
        copies.sort(key=lambda copy: copy.sequence)
        if isinstance(outcome, int):
            first = outcome - len(write.messages) + 1
            assert [m.subject for m in write.messages] == [s.subject for s in copies], "stored once, whole"
            assert list(range(first, outcome + 1)) == [s.sequence for s in copies]
        elif isinstance(outcome, RefusedError):
            assert copies == [], "what is refused never appears"
            assert outcome.last == 0 or wire.messages[outcome.last - 1].subject == outcome.subject
        else:
            assert len(copies) in (0, len(write.messages)), "what is not known is stored once at most"


@settings(max_examples=300, deadline=None)
@given(plan=plans, faults=st.lists(st.sampled_from(FAULTS), max_size=12))
def test_every_answer_is_true(plan: list[Planned], faults: list[Fault]) -> None:
    """Stored means stored once at that place; refused means never; once the faults end, all get one of the two."""
    with patch("rollbook_gateway.log.lane._PAUSE", 0.0), patch("rollbook_gateway.log.answers._PAUSE", 0.0):
        wire, told = asyncio.run(play(plan, faults, seconds=5.0))

    check(wire, told)
    assert not [outcome for _, outcome in told if isinstance(outcome, UnavailableError)]


@settings(max_examples=50, deadline=None)
@given(plan=plans, faults=st.lists(st.sampled_from(FAULTS), min_size=200, max_size=200))
def test_every_answer_is_true_when_the_deadline_comes_first(plan: list[Planned], faults: list[Fault]) -> None:
    """Who gives up in the middle of the faults is told nothing that could turn out wrong."""
    with patch("rollbook_gateway.log.lane._PAUSE", 0.0), patch("rollbook_gateway.log.answers._PAUSE", 0.0):
        wire, told = asyncio.run(play(plan, faults, seconds=0.003))

    check(wire, told)
