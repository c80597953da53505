"""Snapshots as they are read: JSONL and CSV say the same, and every line that is none is told with its place."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from rollbook.errors import CommandError
from rollbook.snapshot.lines import Snapshot
from rollbook.snapshot.reading import read_snapshot
from rollbook_contracts.urns import ENTERPRISE, ILMS, USER


def read(folder: Path, **files: str) -> Snapshot:
    """Write files (``people_csv`` is people.csv) and read them."""
    paths = []
    for name, text in files.items():
        paths.append(folder / name.replace("_", "."))
        paths[-1].write_text(text, encoding="utf-8")
    return read_snapshot(paths)


def documents(snapshot: Snapshot) -> list[Any]:
    return [msgspec.json.decode(line.document) for line in snapshot.users]


def told(snapshot: Snapshot, folder: Path) -> list[str]:
    return [str(problem).removeprefix(f"{folder}/") for problem in snapshot.problems]


def test_json_lines_are_read_in_any_order(tmp_path: Path) -> None:
    """Blank lines and a byte order mark do not count; server's own attributes are ignored without a word."""
    snapshot = read(
        tmp_path,
        all_jsonl='\ufeff{"type": "manager", "user": "ada", "manager": "b@x"}\n\n'
        '{"type": "user", "userName": "ada", "id": "usr_1", "meta": {}, "title": null, "name": {"givenName": ""}}\n'
        '{"type": "membership", "group": "G", "member": "ada"}\n'
        '{"type": "group", "displayName": "G", "externalId": "g", "members": [{"value": "cy"}, "di"]}\n',
    )
    assert told(snapshot, tmp_path) == []
    assert [(line.user, line.manager) for line in snapshot.managers] == [("ada", "b@x")]
    assert documents(snapshot) == [{"userName": "ada"}]
    assert snapshot.users[0].cleared == ("title", "name.givenName")
    assert [(line.display_name, line.external_id) for line in snapshot.groups] == [("G", "g")]
    assert [(line.group, line.member) for line in snapshot.memberships] == [("G", "ada"), ("g", "cy"), ("g", "di")]
    assert snapshot.users[0].place.line == 3


def test_a_spreadsheet_of_people_has_short_columns(tmp_path: Path) -> None:
    """Empty cells say nothing; semicolons divide cells as well; a manager's column makes a manager's line."""
    snapshot = read(
        tmp_path,
        people_csv="userName;givenName;email;employeeNumber;region;active;name.middleName;manager\n"
        'ada;Ada;ada@x;7;EMEA;no;"King; Noel";bob\n'
        "bob;;;;;;;\n",
    )
    assert told(snapshot, tmp_path) == []
    assert documents(snapshot) == [
        {
            "userName": "ada",
            "name": {"givenName": "Ada", "middleName": "King; Noel"},
            "emails": [{"value": "ada@x", "type": "work", "primary": True}],
            ENTERPRISE: {"employeeNumber": "7"},
            ILMS: {"region": "EMEA"},
            "active": False,
        },
        {"userName": "bob"},
    ]
    assert [(line.user, line.manager) for line in snapshot.managers] == [("ada", "bob")]


def test_files_of_one_kind_are_known_by_their_columns(tmp_path: Path) -> None:
    """Groups, memberships and managers each in a file of their own."""
    snapshot = read(
        tmp_path,
        groups_csv="displayName,externalId\nG,g\n",
        members_csv="member,group\nada,G\n",
        managers_csv="user,manager\nada,bob\n",
    )
    assert told(snapshot, tmp_path) == []
    assert [line.display_name for line in snapshot.groups] == ["G"]
    assert [(line.group, line.member) for line in snapshot.memberships] == [("G", "ada")]
    assert [(line.user, line.manager) for line in snapshot.managers] == [("ada", "bob")]


def test_a_column_type_lets_one_file_hold_all(tmp_path: Path) -> None:
    """Each row uses the columns of its kind."""
    snapshot = read(
        tmp_path,
        all_csv="type,userName,displayName,group,member,user,manager\n"
        "user,ada,Ada,,,,\ngroup,,G,,,,\nmembership,,,G,ada,,\nmanager,,,,,ada,bob\n",
    )
    assert told(snapshot, tmp_path) == []
    assert documents(snapshot) == [{"userName": "ada", "displayName": "Ada"}]
    assert [line.display_name for line in snapshot.groups] == ["G"]
    assert len(snapshot.memberships) == len(snapshot.managers) == 1


def test_every_bad_line_is_told_with_its_number(tmp_path: Path) -> None:
    """Nobody mends a file line by line."""
    snapshot = read(
        tmp_path,
        all_jsonl='{"type": "user"}\nnonsense\n[1]\n{"type": "person"}\n{"type": "membership", "group": "G"}\n'
        '{"type": "user", "userName": "ada", "active": "perhaps"}\n{"type": "manager", "user": "ada"}\n'
        '{"type": "group", "displayName": true}\n{"type": "group"}\n'
        '{"type": "membership", "group": "G", "member": "a", "members": "b"}\n',
        groups_csv=f"displayName\n{'x' * 600}\n",
        people_csv='userName,active\nada,perhaps\n\n"b\nc",yes\nd,yes,x\ne\n,,\n',
    )
    assert told(snapshot, tmp_path) == [
        'all.jsonl:1: attribute "userName" is required: send it with a value that is not empty',
        "all.jsonl:2: this line is not valid JSON: JSON is malformed: invalid character (byte 4)",
        "all.jsonl:3: this line is not a JSON object: send one in braces",
        "all.jsonl:4: type 'person' is none of user, group, membership, manager",
        'all.jsonl:5: a membership needs "member" with a value',
        'all.jsonl:6: attribute "active" holds "perhaps": send a boolean (true or false)',
        'all.jsonl:7: a manager line needs "manager": any value of the person, or null for nobody',
        'all.jsonl:8: attribute "displayName" holds true: send text',
        "all.jsonl:9: a group needs a displayName, an externalId or both",
        "all.jsonl:10: a membership has group and member, but not 'members'",
        f'groups.csv:2: attribute "displayName" has 600 characters in "{"x" * 77}…": send 512 at most',
        "people.csv:2: active is 'perhaps': write true or false",
        "people.csv:6: cells: 3, columns: 2; a row has as many, empty ones counted",
        "people.csv:7: cells: 1, columns: 2; a row has as many, empty ones counted",
    ]


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("name,shoe\n", "the columns do not say what the rows are"),
        ("userName,userName\n", "column 'userName' stands twice"),
        ("userName,displayName,DisplayName\n", "column 'DisplayName' stands twice, as 'displayName'"),
        ("userName,employeeId,employeeNumber\n", "column 'employeeNumber' stands twice, as 'employeeId'"),
        ('userName,mail,"emails[type eq ""work""].value"\n', "stands twice, as 'mail'"),
        ("userName,givenName,name.givenName\n", "column 'name.givenName' stands twice, as 'givenName'"),
        (f"userName,title,{USER}:title\n", "stands twice, as 'title'"),
        ("externalId,displayName,EXTERNALID\n", "column 'EXTERNALID' stands twice, as 'externalId'"),
        ("group,member,Group\n", "column 'Group' stands twice, as 'group'"),
        ("user,manager,Manager\n", "column 'Manager' stands twice, as 'manager'"),
        ("type,userName,Type\n", "column 'type' stands twice"),
        ("type,userName,group,member,MEMBER\n", "column 'MEMBER' stands twice, as 'member'"),
        ("userName,shoeSize\n", "column 'shoeSize' is none of a user"),
        ("userName,emails\n", "column 'emails' is none of a user"),
        ("displayName,member\n", "column 'member' is none of a group"),
        ("userName,\n", "column 2 has no title"),
        ("", "the columns do not say what the rows are"),
    ],
)
def test_a_header_that_says_nothing_is_told(tmp_path: Path, header: str, problem: str) -> None:
    """The message says what there must be."""
    snapshot = read(tmp_path, some_csv=header + "x,y\n" if header else "")
    assert len(snapshot.problems) == 1
    assert problem in snapshot.problems[0].text


@pytest.mark.parametrize(("name", "told"), [("people.txt", r"neither \.jsonl"), ("people.XLSX", "is a workbook")])
def test_another_kind_of_file_is_refused(tmp_path: Path, name: str, told: str) -> None:
    """The suffix says how to read it."""
    with pytest.raises(CommandError, match=told):
        read_snapshot([tmp_path / name])


def test_unknown_attributes_are_noted(tmp_path: Path) -> None:
    """They are ignored, as the gateway ignores them, but not in silence."""
    snapshot = read(
        tmp_path,
        all_jsonl='{"type": "user", "userName": "ada", "shoeSize": 7}\n{"type": "group", "displayName": "G", "x": 1}\n',
    )
    assert told(snapshot, tmp_path) == []
    assert [note.text for note in snapshot.notes] == [
        'unknown attribute "shoeSize" was ignored',
        'unknown attribute "x" was ignored',
    ]


def test_the_examples_say_the_same_in_both_formats() -> None:
    """Whoever tries one sees the other."""
    folder = Path(__file__).parents[3] / "deploy" / "examples"
    json_lines = read_snapshot([folder / "directory.jsonl"])
    spreadsheets = read_snapshot([folder / name for name in ("people.csv", "groups.csv", "members.csv")])
    assert json_lines.problems == spreadsheets.problems == []
    assert documents(json_lines) == documents(spreadsheets)
    for lines in ("groups", "memberships"):
        ours, theirs = getattr(json_lines, lines), getattr(spreadsheets, lines)
        assert [tuple(line)[1:] if isinstance(line, tuple) else line.name for line in ours] == [
            tuple(line)[1:] if isinstance(line, tuple) else line.name for line in theirs
        ]
    assert [line.manager for line in json_lines.managers] == [line.manager for line in spreadsheets.managers]


@pytest.mark.parametrize(
    ("sent", "members"),
    [("abc", ["abc"]), ({"value": "x"}, ["x"]), ({"VALUE": "x", "type": "User"}, ["x"]), (None, [])],
)
def test_members_of_a_group_are_read_as_the_gateway_reads_them(tmp_path: Path, sent: Any, members: list[str]) -> None:
    """Text is one member, and an object is one as well."""
    snapshot = read(
        tmp_path, all_jsonl=msgspec.json.encode({"type": "group", "displayName": "G", "members": sent}).decode()
    )
    assert told(snapshot, tmp_path) == []
    assert [line.member for line in snapshot.memberships] == members


@pytest.mark.parametrize(
    "line",
    [
        {"type": "group", "displayName": "G", "members": 5},
        {"type": "group", "displayName": "G", "members": [True]},
        {
            "type": "group",
            "displayName": "G",
            "members": [{"value": "grp_01arz3ndektsv4rrffq69g5fav", "type": "Group"}],
        },
        {"type": "group", "displayName": "G", "members": [" "]},
        {"type": "group", "displayName": "G", "members": ["x" * 513]},
        {"type": "group", "displayName": " "},
        {"type": "group", "displayName": "G", "externalId": "x\0"},
        {"type": "group", "displayName": "G", "externalId": ["a", "b"]},
        {"type": "membership", "group": "G", "member": " "},
        {"type": "membership", "group": "G", "member": {"name": "x"}},
        {"type": "membership", "group": ["x", "y"], "member": "x"},
        {"type": "manager", "user": "a", "manager": "x" * 513},
        {"type": "manager", "user": "a", "manager": {"displayName": "x"}},
        {"type": "user", "userName": "a", "manager": "x" * 513},
        {"type": "user", "userName": "a", "manager": "x\0"},
        {"type": {"user": 1}, "userName": "a"},
    ],
)
def test_what_the_gateway_would_refuse_is_told(tmp_path: Path, line: dict[str, Any]) -> None:
    """With its place, before anything is applied."""
    snapshot = read(tmp_path, all_jsonl=msgspec.json.encode(line).decode())
    assert [(problem.place.line, problem.place.file) for problem in snapshot.problems] == [
        (1, str(tmp_path / "all.jsonl"))
    ]
