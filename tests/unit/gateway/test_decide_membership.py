"""Decisions on members: from operations in order to facts."""

import itertools

import pytest

from rollbook_contracts.facts.membership import MembersAdded, MembersRemoved, MembersReplaced
from rollbook_contracts.identifiers import new_id
from rollbook_gateway.decide import membership
from rollbook_gateway.decide.membership import Delta, Membership, member_facts, merge, replacement
from rollbook_gateway.scim.errors import ErrorKind, ScimError
from rollbook_gateway.scim.patch.members import MemberOperation
from rollbook_gateway.scim.patch.operations import Verb

GROUP_ID = "grp_0000000000000000000000000a"


def merged(*operations: tuple[Verb, list[str]]) -> Membership:
    return merge(MemberOperation(verb, values) for verb, values in operations)


def test_additions_behind_one_another_are_one() -> None:
    """Each value once, in the order in which they came; a removal between them keeps them apart."""
    assert merged(("add", ["a", "b"]), ("add", ["b", "c"])) == Membership(None, (Delta("added", (("a", "b", "c"),)),))
    assert [delta.kind for delta in merged(("add", ["a"]), ("remove", ["a"]), ("add", ["a"])).deltas] == [
        "added",
        "removed",
        "added",
    ]


def test_what_stands_before_a_replacement_has_no_effect() -> None:
    """Additions right behind it belong to it; a removal comes after it."""
    found = merged(("add", ["x"]), ("replace", ["a"]), ("add", ["b"]), ("remove", ["a"]))

    assert found == Membership((("a", "b"),), (Delta("removed", (("a",),)),))


def test_no_values_change_nothing_and_a_replacement_by_none_empties() -> None:
    """An empty addition or removal is none; an empty replacement is a fact."""
    assert merged(("add", []), ("remove", [])).changes_nothing
    assert member_facts(merged(("replace", [])), GROUP_ID, "req") == [MembersReplaced(GROUP_ID)]


def test_facts_hold_a_thousand_values_at_most() -> None:
    """More are cut in their order; a replacement of more is that of a staging."""
    values = [f"u{number}" for number in range(2_500)]

    added = member_facts(merged(("add", values)), GROUP_ID, "req_1")
    assert [len(fact.values) for fact in added if isinstance(fact, MembersAdded)] == [1_000, 1_000, 500]
    assert values == [value for fact in added if isinstance(fact, MembersAdded) for value in fact.values]

    few, many = replacement(values[:1_000]), replacement(values)
    assert member_facts(few, GROUP_ID, "req_1") == [MembersReplaced(GROUP_ID, tuple(values[:1_000]))]
    assert few.staged == ()
    assert member_facts(many, GROUP_ID, "req_1") == [MembersReplaced(GROUP_ID, staging="req_1")]
    assert [len(piece) for piece in many.staged] == [1_000, 1_000, 500]


def test_facts_of_long_values_hold_fewer() -> None:
    """A fact must fit into a message of the log, whatever the values are."""
    values = [f"{number}" + "数" * 500 for number in range(1_000)]

    (delta,) = merged(("remove", values)).deltas

    assert [value for piece in delta.pieces for value in piece] == values
    assert max(sum(len(value.encode()) for value in piece) for piece in delta.pieces) < membership.MOST_BYTES
    (removed, *_) = member_facts(merged(("remove", values)), GROUP_ID, "req")
    assert isinstance(removed, MembersRemoved)


def test_more_members_than_a_request_may_name_are_refused() -> None:
    """250,000 are taken, one more is tooMany."""
    values = [str(number) for number in range(membership.MOST_VALUES)]
    assert len(replacement(values).staged) == 250

    with pytest.raises(ScimError, match="250,000") as refusal:
        merged(("add", values), ("remove", ["one more"]))

    assert refusal.value.kind is ErrorKind.TOO_MANY


def test_many_alternations_of_ids_become_few() -> None:
    """Ids never name the same person, so that additions and removals of different ones may be put together."""
    ids = [new_id("usr") for _ in range(membership.MOST_ALTERNATIONS + 2)]
    verbs: itertools.cycle[Verb] = itertools.cycle(["add", "remove"])

    found = merged(*((verb, [value]) for verb, value in zip(verbs, ids, strict=False)))

    assert [delta.kind for delta in found.deltas] == ["removed", "added"]


def test_many_alternations_of_other_values_are_refused() -> None:
    """A name and an externalId may mean one person: their order counts, and so many facts fit into no batch."""
    verbs: itertools.cycle[Verb] = itertools.cycle(["add", "remove"])

    with pytest.raises(ScimError, match="between adding and removing") as refusal:
        merged(*((verb, [f"name {number}"]) for verb, number in zip(verbs, range(501), strict=False)))

    assert refusal.value.kind is ErrorKind.TOO_MANY
