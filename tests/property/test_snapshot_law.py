"""Laws of snapshots' files: any line and any text is applied or told with its place, never anything else."""

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from hypothesis import event, given
from hypothesis import strategies as st

from rollbook.snapshot.comparison import Wish
from rollbook.snapshot.importing import Import
from rollbook.snapshot.lines import Snapshot
from rollbook.snapshot.reading import read_snapshot
from rollbook.snapshot.rows import rows
from rollbook.snapshot.text import Line
from rollbook_contracts.urns import ENTERPRISE, ILMS
from rollbook_gateway.intake.reading import read_group
from rollbook_gateway.scim.compiled import user_schema
from rollbook_gateway.scim.document import canonicalise
from rollbook_gateway.scim.errors import ScimError
from support.played_gateway import PlayedGateway

TEXTS = st.text(max_size=8) | st.sampled_from(["ada", "G", "x" * 513, "\0", "true", "2024-01-15", "usr_x", "grp_x"])
NAMES = TEXTS | st.sampled_from(
    [
        *("value", "type", "primary", "$ref", "display", "displayName", "givenName", "id", "employeeNumber", "region"),
        *("manager", "manager.id", "name.givenName", "email"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
ATTRIBUTES = st.sampled_from(
    [
        *(
            "userName",
            "USERNAME",
            "externalId",
            "displayName",
            "display Name",
            "members",
            "Members",
            "mem bers",
            "active",
        ),
        *("emails", "phoneNumbers", "roles", "name", "name.givenName", "manager", "groups", "schemas", "id", "meta"),
        *("group", "member", "user", "hireDate", "password", "title", ENTERPRISE, ILMS, f"{ILMS}:region"),
    ]
)
LINES = st.builds(
    lambda kind, named, body: {**body, **named, **kind},
    st.fixed_dictionaries({"type": st.sampled_from(["user", "group", "membership", "manager"])}) | st.just({}),
    st.sampled_from(
        [
            {},
            {"userName": "ada"},
            {"displayName": "G"},
            {"group": "G", "member": "ada"},
            {"user": "ada", "manager": "x"},
        ]
    ),
    st.dictionaries(ATTRIBUTES | NAMES, VALUES, max_size=5),
)


def snapshot(text: bytes, name: str) -> Snapshot:
    """Read a file; every problem has the file and one of its lines."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(text)
        found = read_snapshot([path])
        assert all(problem.place.file == str(path) for problem in found.problems)
        assert all(1 <= problem.place.line <= text.count(b"\n") + 1 for problem in found.problems)
        return found


async def applied(found: Snapshot) -> bool:
    """Import over somebody and a group who are there; tell whether there was nothing wrong."""
    gateway = PlayedGateway()
    await gateway.send(
        "", "POST", "Users", {"userName": "ada", "title": "T", "name": {"givenName": "A"}}, expect=(201,)
    )
    await gateway.send("", "POST", "Groups", {"displayName": "G", "members": []}, expect=(201,))
    run = Import(found, Wish(), gateway.tables)
    done = await run.run(gateway, lambda _done, _total: None, await run.compared())
    return not done.last.problems


def refused(line: dict[str, Any]) -> bool:
    """Tell whether the gateway would refuse a line of a person or a group."""
    body = {name: value for name, value in line.items() if name not in {"type", "schemas"}}
    try:
        if line["type"] == "user":
            canonicalise(body, user_schema())
        else:
            read_group(msgspec.json.encode(body), [])
    except ScimError:
        return True
    return False


@given(LINES)
async def test_any_object_as_a_line_is_applied_or_told(line: dict[str, Any]) -> None:
    """A person or a group that the gateway would refuse is told; only a group's name may be left out."""
    found = snapshot(msgspec.json.encode(line) + b"\n", "all.jsonl")
    if not found.problems:
        event(f"{line.get('type')} applied" if await applied(found) else "contradicts the tables")
    else:
        event("told")
    if line.get("type") in ("user", "group") and refused(line):
        assert found.problems or (found.groups and found.groups[0].display_name is None)
    elif line.get("type") == "group":
        assert not found.problems


@given(st.binary(max_size=60), st.sampled_from(["all.jsonl", "people.csv"]))
async def test_any_bytes_are_told_or_are_a_snapshot(text: bytes, name: str) -> None:
    """Whatever was given by mistake."""
    await applied(snapshot(text, name))


CELLS = st.text(alphabet='ab ,;\t"\n', max_size=4)


@given(
    st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=4),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_is_written_as_csv_is_read_as_it_was(
    cells: list[list[str]], delimiter: str, end: str, quoting: Any
) -> None:
    """Whatever stands in the cells; each row with the line on which it begins."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows([["x", "y"], *cells])
    read = list(rows(Line(number, line) for number, line in enumerate(text.getvalue().splitlines(keepends=True), 1)))
    assert [row.cells for row in read] == [["x", "y"], *cells]
    before = [sum(cell.count("\n") for other in cells[:at] for cell in other) for at in range(len(cells))]
    assert [row.line for row in read] == [1, *(at + 2 + breaks for at, breaks in enumerate(before))]


@given(st.text(alphabet='a,"\n\r', max_size=12))
def test_people_are_never_fewer_than_a_csv_says(text: str) -> None:
    """A file whose lines are no CSV is refused as one; otherwise each line outside quotes is a row of its own."""
    found = snapshot(f"userName,title\n{text}\n".encode(), "people.csv")
    if not found.problems:
        strict = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if any(map(str.strip, row))]
        assert len(found.users) == len(strict)
