"""Laws of membership deltas: whatever mix of operations a PATCH holds, its facts leave the members that it says."""

from typing import Any, TypeAlias
from unittest.mock import patch

from hypothesis import assume, given
from hypothesis import strategies as st

from rollbook_contracts.facts.catalog import Fact
from rollbook_contracts.facts.membership import MembersAdded, MembersRemoved, MembersReplaced
from rollbook_gateway.decide import membership
from rollbook_gateway.decide.membership import Membership, member_facts, merge
from rollbook_gateway.intake import wire
from rollbook_gateway.intake.reading import SentPatch
from rollbook_gateway.scim.patch.members import split_patch

IDS = [f"usr_{number:026d}" for number in range(6)]
OTHERS = ["jo", "ada@example.com", 'a "quoted" name', "数"]

values = st.lists(st.sampled_from([*IDS, *OTHERS]), max_size=4)
steps = st.tuples(st.sampled_from(["add", "remove", "remove one", "remove all", "replace", "path-less"]), values)
steps_with_ids = st.tuples(st.sampled_from(["add", "remove", "replace"]), st.lists(st.sampled_from(IDS), max_size=3))

Step: TypeAlias = tuple[str, list[str]]


def operation(step: Step) -> list[dict[str, Any]]:
    """Return the operations that a provider might send for a step."""
    kind, named = step
    members = [{"value": value} for value in named]
    match kind:
        case "remove one":
            return [{"op": "remove", "path": f"members[value eq {quoted(value)}]"} for value in named]
        case "remove all":
            return [{"op": "remove", "path": "members"}]
        case "path-less":
            return [{"op": "add", "value": {"members": members, "displayName": "x"}}]
    return [{"op": kind, "path": "members", "value": members}]


def quoted(value: str) -> str:
    return '"' + value.replace('"', '\\"') + '"'


def after_steps(before: set[str], sequence: list[Step]) -> set[str]:
    """Return who is a member in the end, step by step, as RFC 7644 has it: the oracle."""
    members = set(before)
    for kind, named in sequence:
        match kind:
            case "add" | "path-less":
                members |= set(named)
            case "remove" | "remove one":
                members -= set(named)
            case "remove all":
                members = set()
            case "replace":
                members = set(named)
    return members


def after_facts(before: set[str], facts: list[Fact], staged: Membership) -> set[str]:
    """Return who is a member after facts in order."""
    members = set(before)
    for fact in facts:
        match fact:
            case MembersAdded():
                members |= set(fact.values)
            case MembersRemoved():
                members -= set(fact.values)
            case MembersReplaced(staging=None):
                members = set(fact.values)
            case MembersReplaced():
                members = {value for piece in staged.staged for value in piece}
    return members


@given(before=st.sets(st.sampled_from([*IDS, *OTHERS])), sequence=st.lists(steps, min_size=1, max_size=30))
def test_facts_leave_the_members_that_the_operations_say(before: set[str], sequence: list[Step]) -> None:
    """Also where facts hold two values at most."""
    operations = [each for step in sequence for each in operation(step)]
    assume(operations)
    wanted = after_steps(before, sequence)
    split = split_patch({"Operations": operations})

    for size in (1_000, 2):
        with patch.object(membership, "MOST_MEMBERS", size):
            found = merge(split.members)
            facts = member_facts(found, "grp_x", "req_x")
        assert wanted == after_facts(before, facts, found)


@given(before=st.sets(st.sampled_from(IDS)), sequence=st.lists(steps_with_ids, max_size=30))
def test_alternations_of_ids_become_few_with_the_same_effect(before: set[str], sequence: list[Step]) -> None:
    """However often a request goes back and forth between ids, a replacement, a removal and an addition say it all."""
    split = split_patch({"Operations": [each for step in [("add", []), *sequence] for each in operation(step)]})

    with patch.object(membership, "MOST_ALTERNATIONS", 3):
        found = merge(split.members)

    assert after_steps(before, sequence) == after_facts(before, member_facts(found, "grp_x", "req_x"), found)


@given(sequence=st.lists(steps, min_size=1, max_size=10))
def test_what_is_read_beside_comes_back_as_it_was(sequence: list[Step]) -> None:
    """The reading process answers with what the gateway itself would have read."""
    operations = [each for step in sequence for each in operation(step)]
    assume(operations)
    split = split_patch({"Operations": operations})
    sent = SentPatch(split.head, merge(split.members))

    header, *pieces = [frame[wire.LENGTH :] for frame in wire.answered(sent, ["a note"])]

    decoded = wire.HEADERS.decode(header)
    assert decoded.pieces == len(pieces)
    assert decoded.notes == ["a note"]
    assert sent == wire.read_answer(decoded, [wire.PIECES.decode(piece) for piece in pieces])
