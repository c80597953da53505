"""A PATCH of a group taken apart: every form in which providers change members."""

from typing import Any

import pytest

from rollbook_contracts.urns import GROUP
from rollbook_gateway.scim.errors import ErrorKind, ScimError
from rollbook_gateway.scim.patch.members import MemberOperation, SplitPatch, split_patch
from rollbook_gateway.scim.patch.operations import Operation

GROUP_ID = "grp_0000000000000000000000000a"


def split(*operations: dict[str, Any]) -> SplitPatch:
    return split_patch({"Operations": list(operations)})


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "Add", "path": "members", "value": [{"$ref": None, "value": "u1"}]}, ("add", ["u1"])),  # G04
        ({"op": "Add", "path": "members", "value": [{"value": "u1"}, {"value": "u1"}]}, ("add", ["u1"])),
        ({"op": "add", "path": "members", "value": {"value": "u1"}}, ("add", ["u1"])),
        ({"op": "add", "path": "members", "value": ["u1"]}, ("add", ["u1"])),
        ({"op": "add", "path": f"{GROUP}:members", "value": [{"Value": "u1"}]}, ("add", ["u1"])),
        ({"op": "add", "path": "Members", "value": []}, ("add", [])),
        ({"op": "add", "path": "members", "value": [{"value": "u1", "display": "x"}]}, ("add", ["u1"])),  # G16
        ({"op": "Remove", "path": "members", "value": [{"$ref": None, "value": "u1"}]}, ("remove", ["u1"])),  # G06
        ({"op": "remove", "path": 'members[value eq "u1"]'}, ("remove", ["u1"])),  # G07
        ({"op": "remove", "path": f'{GROUP}:members[value EQ "u 1"]'}, ("remove", ["u 1"])),
        ({"op": "remove", "path": r'members[value eq "a\"\u00e9"]'}, ("remove", ['a"é'])),
        ({"op": "remove", "path": 'members[value eq "a" or value eq "b"]'}, ("remove", ["a", "b"])),
        ({"op": "remove", "path": f'members[value eq "{GROUP_ID}"]'}, ("remove", [GROUP_ID])),
        ({"op": "Remove", "path": "members", "value": []}, ("remove", [])),  # G08
        ({"op": "remove", "path": "members"}, ("replace", [])),
        ({"op": "replace", "path": "members", "value": [{"value": "u1"}]}, ("replace", ["u1"])),  # G10
        ({"op": "replace", "path": "members", "value": None}, ("replace", [])),
        ({"op": "replace", "value": {"members": [{"value": "u1"}]}}, ("replace", ["u1"])),
        ({"op": "add", "value": {"id": "x", f"{GROUP}:members": [{"value": "u1"}]}}, ("add", ["u1"])),
    ],
)
def test_operation_on_members_becomes_values(operation: dict[str, Any], expected: tuple[Any, list[str]]) -> None:
    """Nothing of it is left for the head."""
    assert split(operation) == SplitPatch([], [MemberOperation(*expected)])


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("members[value eq usr_1]", ["usr_1"]),
        ("members[value eq 17]", ["17"]),
        (f'{GROUP}:members[ value EQ a or value eq "b c" ]', ["a", "b c"]),
    ],
)
def test_members_may_be_chosen_without_quotes(path: str, values: list[str]) -> None:
    """A value without its quotes is text, as it is in filters, and a note says so."""
    notes: list[str] = []
    assert split_patch({"Operations": [{"op": "remove", "path": path}]}, notes).members == [
        MemberOperation("remove", values)
    ]
    assert notes == [f'the value "{values[0]}" in a filter was sent without quotes and read as text']


def test_operations_on_the_head_stay_as_they_are() -> None:
    """Names, unknown attributes and what is refused later pass by; echoed ids are left out (G11, G15)."""
    found = split(
        {"op": "replace", "path": "displayName", "value": "New"},
        {"op": "replace", "value": {"id": "g", "schemas": [], "displayName": "Renamed", "members": [{"value": "u"}]}},
        {"op": "replace", "value": {"id": "g"}},
        {"op": "add", "path": "nothing", "value": 1},
    )

    assert found.head == [
        Operation("replace", "displayName", "New"),
        Operation("replace", None, {"displayName": "Renamed"}),
        Operation("add", "nothing", 1),
    ]
    assert found.members == [MemberOperation("replace", ["u"])]


def test_order_of_operations_is_kept() -> None:
    """Added and removed in one request: not a member in the end (G09)."""
    found = split(
        {"op": "add", "path": "members", "value": [{"value": "u1"}]},
        {"op": "remove", "path": 'members[value eq "u1"]'},
    )

    assert [(each.verb, each.values) for each in found.members] == [("add", ["u1"]), ("remove", ["u1"])]


@pytest.mark.parametrize(
    "member",
    [
        {"value": GROUP_ID},
        {"value": "x", "type": "group"},
        {"value": "x", "Type": "Group"},
        {"value": "x", "$ref": "https://example.com/scim/v2/Groups/x"},
        GROUP_ID,
    ],
)
def test_nested_groups_are_refused(member: Any) -> None:
    """A member that is a group, by its id, type or reference, is 400 invalidValue (G12)."""
    with pytest.raises(ScimError, match="nested groups are not supported") as refusal:
        split({"op": "Add", "path": "members", "value": [{"value": "u1"}, member]})

    assert refusal.value.kind is ErrorKind.INVALID_VALUE


@pytest.mark.parametrize(
    ("member", "named"),
    [
        ({"value": 7}, "7"),
        ({"value": None}, "null"),
        ({"display": "x"}, "null"),
        ({"value": ""}, '""'),
        ({"value": "  "}, '"  "'),
        (7, "7"),
        ([], "[]"),
        ({"value": "a\0b"}, "U+0000"),
        ({"value": "\ud800"}, "surrogate"),
        ({"value": "x" * 513}, "513 characters"),
        ({"value": "ﷺ" * 512}, "too long"),
    ],
)
def test_bad_values_are_named(member: Any, named: str) -> None:
    """What cannot be stored is 400 invalidValue; the message shows the attribute and the value."""
    with pytest.raises(ScimError) as refusal:
        split({"op": "add", "path": "members", "value": [member]})

    assert refusal.value.kind is ErrorKind.INVALID_VALUE
    assert "members.value" in refusal.value.detail
    assert named in refusal.value.detail


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ({"op": "add", "path": "members.value", "value": "u1"}, ErrorKind.INVALID_PATH),
        ({"op": "replace", "path": 'members[value eq "u1"].display', "value": "x"}, ErrorKind.INVALID_PATH),
        ({"op": "replace", "path": 'members[value eq "u1"]', "value": {"value": "u2"}}, ErrorKind.MUTABILITY),
        ({"op": "remove", "path": 'members[value eq "u1"].display'}, ErrorKind.INVALID_PATH),
        ({"op": "remove", "path": "members.value"}, ErrorKind.INVALID_PATH),
        ({"op": "remove", "path": 'members[value eq "u1"'}, ErrorKind.INVALID_PATH),
        ({"op": "remove", "path": 'members[display eq "u1"]'}, ErrorKind.INVALID_FILTER),
        ({"op": "remove", "path": 'members[value co "u1"]'}, ErrorKind.INVALID_FILTER),
        ({"op": "remove", "path": 'members[value eq "u1" and type eq "User"]'}, ErrorKind.INVALID_FILTER),
        ({"op": "remove", "path": "members[value eq null]"}, ErrorKind.INVALID_VALUE),
        ({"op": "remove", "path": "members[value eq 'u1']"}, ErrorKind.INVALID_PATH),
        ({"op": "remove", "path": "members[value eq \u201cu1\u201d]"}, ErrorKind.INVALID_PATH),
        ({"op": "remove"}, ErrorKind.NO_TARGET),
        ({"op": "remove", "path": "members[not (value pr)]"}, ErrorKind.INVALID_FILTER),
    ],
)
def test_other_operations_on_members_are_refused(operation: dict[str, Any], kind: ErrorKind) -> None:
    """What cannot be decided without loading the members, or means nothing, is refused in words."""
    with pytest.raises(ScimError) as refusal:
        split(operation)

    assert kind is refusal.value.kind, refusal.value.detail
