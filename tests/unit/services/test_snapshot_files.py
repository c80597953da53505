"""Files as programs write them, and spoilt ones: read as they are meant, or refused by line; nobody is made of them."""

from pathlib import Path
from typing import Final

import msgspec
import pytest

from rollbook.snapshot import text
from rollbook.snapshot.reading import read_snapshot
from rollbook_contracts.urns import ENTERPRISE

PEOPLE: Final = "userName,displayName\nada,Ada\nbob,Bob\n"


def read(folder: Path, content: bytes | str, name: str = "people.csv") -> list[tuple[str, str | None]]:
    """Read one file without a problem; return userNames and displayNames."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    snapshot = read_snapshot([path])
    assert snapshot.problems == []
    documents = [msgspec.json.decode(line.document) for line in snapshot.users]
    return [(document["userName"], document.get("displayName")) for document in documents]


def problems(folder: Path, content: bytes | str, name: str = "people.csv") -> list[tuple[int, str]]:
    """Read one file; return what is wrong with which line."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [(problem.place.line, problem.text) for problem in read_snapshot([path]).problems]


@pytest.mark.parametrize(
    "content",
    [
        PEOPLE.replace("\n", "\r\n"),
        PEOPLE.removesuffix("\n"),
        "\ufeff" + PEOPLE,
        "sep=;\r\n" + PEOPLE.replace(",", ";"),
        "\ufeffsep=;\r\n" + PEOPLE.replace(",", ";"),
        '"sep=\t"\n' + PEOPLE.replace(",", "\t"),
        '#TYPE Microsoft.ActiveDirectory.ADUser\r\n"userName","displayName"\r\n"ada","Ada"\r\n"bob","Bob"\r\n',
        PEOPLE + "\x1a",
        PEOPLE.removesuffix("\n") + "\x1a\x1a",
        PEOPLE + "\x1a\r\n",
        PEOPLE.encode("utf-16"),
        b"\xfe\xff" + PEOPLE.replace(",", "\t").encode("utf-16-be"),
        PEOPLE + ",\n\n , \n",
    ],
    ids=[
        "CR LF",
        "no end of the last line",
        "byte order mark",
        "Excel's sep=",
        "both",
        "sep= in quotes",
        "PowerShell's Export-Csv",
        "control-Z of DOS",
        "several behind the last cell",
        "control-Z with an end of line",
        "UTF-16",
        "UTF-16 with tabs, as Excel's Unicode text",
        "empty rows, as Excel leaves them",
    ],
)
def test_what_programs_write_is_read_as_it_is_meant(tmp_path: Path, content: bytes | str) -> None:
    """The marks that they add are no people."""
    assert read(tmp_path, content) == [("ada", "Ada"), ("bob", "Bob")]


def test_quoted_cells_hold_delimiters_quotes_and_ends_of_lines(tmp_path: Path) -> None:
    """RFC 4180, section 2: whatever stands between the quotes is text."""
    assert read(tmp_path, 'userName,displayName\n"a,b","A ""B"""\nc,"x\r\ny"\n"",\n') == [
        ("a,b", 'A "B"'),
        ("c", "x\r\ny"),
    ]


ENTRA_TITLES: Final = (
    "userPrincipalName,displayName,surname,mail,givenName,objectId,userType,jobTitle,department,accountEnabled,"
    "usageLocation,streetAddress,state,country,physicalDeliveryOfficeName,city,postalCode,telephoneNumber,mobile,"
    "authenticationPhoneNumber,authenticationAlternativePhoneNumber,authenticationEmail,alternateEmailAddress,"
    "ageGroup,consentProvidedForMinor,legalAgeGroupClassification"
)


@pytest.mark.parametrize(
    "titles",
    [
        ENTRA_TITLES,
        ENTRA_TITLES.replace("physicalDeliveryOfficeName", "officeLocation").replace("mobile,", "mobilePhone,")
        + ",companyName,creationType,directorySynced,invitationState,identityIssuer,createdDateTime",
    ],
)
def test_the_file_of_entras_download_users_is_read_as_entra_would_send_it(tmp_path: Path, titles: str) -> None:
    """By its own titles, of either age; what provisioning does not send is ignored, with a note that names it."""
    cells = ["ada@x.test", "Ada L", "L", "ada@mail.test", "Ada", "6d0e", "Guest", "Boss", "R&D", "False", "GB"]
    cells += [""] * 6 + ["11", "12"]
    path = tmp_path / "exportUsers_2026-8-1.csv"
    path.write_text(f"\ufeff{titles}\r\n{','.join(cells)}{',' * (titles.count(',') + 1 - len(cells))}\r\n")
    snapshot = read_snapshot([path])
    assert snapshot.problems == []
    assert [msgspec.json.decode(line.document) for line in snapshot.users] == [
        {
            "userName": "ada@x.test",
            "displayName": "Ada L",
            "name": {"familyName": "L", "givenName": "Ada"},
            "emails": [{"value": "ada@mail.test", "type": "work", "primary": True}],
            "userType": "Guest",
            "title": "Boss",
            ENTERPRISE: {"department": "R&D"},
            "active": False,
            "phoneNumbers": [{"value": "11", "type": "work"}, {"value": "12", "type": "mobile"}],
        }
    ]
    [note] = snapshot.notes
    assert note.place.line == 1
    assert "were ignored: objectId, usageLocation, streetAddress," in note.text


def test_titles_of_entra_alone_do_not_hide_an_unknown_column(tmp_path: Path) -> None:
    """Only in Entra's own file is it known what the others are."""
    [(line, told)] = problems(tmp_path, "userPrincipalName,objectId\nada,1\n")
    assert (line, "column 'objectId' is none of a user" in told) == (1, True)


@pytest.mark.parametrize(
    ("content", "line", "told"),
    [
        ('userName,externalId,displayName\nada,1,Ada\nbob,2,"Bob\ncy,3,Cy\ndi,4,Di', 3, "not closed"),
        ('userName,displayName\nada,"Ada\nbob,"Bob\n', 3, "follows the closing quote"),
        ('userName,displayName\nada,"Ada" \n', 2, "follows the closing quote"),
        ('userName,displayName\nada,A"d"a\n', 2, "does not begin with one"),
        ('userName,displayName\nada, "Lovelace, Ada"\n', 2, "does not begin with one"),
        ('userName,displayName\nada,5" and\nbob,6" and\n', 2, "does not begin with one"),
        ("userName,displayName\nada,Ada,Lovelace\n", 2, "cells: 3, columns: 2"),
        ("userName,displayName\nada\n", 2, "cells: 1, columns: 2"),
        ("userName,displayName\nada,A\0da\n", 2, "U+0000"),
        (PEOPLE.encode("utf-16-le"), 1, "U+0000"),
        ("userName,displayName\rada,Ada\r", 1, "carriage return"),
        ('userName,displayName\nada,"Ada"\rbob,Bob\n', 2, "carriage return"),
        ("userName\nZoë\n".encode("latin-1"), 2, "not UTF-8"),
        ("userName,displayName,\nada,Ada,\n", 1, "column 3 has no title"),
        ("userName\nada\n\n(1 rows affected)\n", 4, "'(1 rows affected)' is what a database's client says"),
        ("userName,displayName\nada,Ada\n2 rows selected.", 3, "'2 rows selected.' is what a database's client says"),
        ("userName,displayName\n--------,-----\nada,Ada\n", 2, "draws under the titles"),
        ("userName\nada\n\x1a\nbob\n", 3, "a control-Z stands here"),
        (f"{PEOPLE}username,DisplayName\ncy,Cy\n", 4, "the titles stand here again"),
        ("sep=|\nuserName|displayName\nada|Ada\n", 1, "sep=| is not possible"),
        ("version:v1.0,,\nName [displayName] Required,User name [userPrincipalName] Required,x\n", 1, "template"),
        (b"PK\x03\x04\x14\0", 1, "Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", 1, "Excel workbook"),
        (b"\xff\xfeu", 1, "begins as UTF-16"),
        ("userName\n" + "x" * 1_048_577, 2, "more than 1048576 characters"),
        ('userName\nada\n"' + "x\n" * 524_288, 3, "is a quote in it not closed?"),
    ],
)
def test_what_is_no_csv_is_told_with_its_line(tmp_path: Path, content: bytes | str, line: int, told: str) -> None:
    """One problem, which says what the line is and what to do with it."""
    [(found, problem)] = problems(tmp_path, content)
    assert (found, told in problem) == (line, True), problem


def test_what_follows_a_spoilt_row_is_not_guessed_at(tmp_path: Path) -> None:
    """Rows of a wrong length are told one by one; behind a stray quote nobody knows where rows begin."""
    spoilt = 'userName,displayName\na\nb,B,C\nc,C"\nd\n'
    assert [line for line, _ in problems(tmp_path, spoilt)] == [2, 3, 4]


def test_json_lines_in_utf16_or_with_a_mark_at_the_end_are_read(tmp_path: Path) -> None:
    """PowerShell writes the one, DOS programs the other; a line that is neither is told alone."""
    line = '{"type": "user", "userName": "ada", "displayName": "Ada"}\n'
    assert read(tmp_path, (line + "\x1a").encode("utf-16"), "people.jsonl") == [("ada", "Ada")]
    assert problems(tmp_path, line.encode() + b'{"type": "\xe4"}\n{}\n', "people.jsonl") == [
        (2, "this line is not UTF-8: send JSON in UTF-8"),
        (3, "type None is none of user, group, membership, manager"),
    ]
    assert [number for number, _ in problems(tmp_path, b"PK\x03\x04", "people.jsonl")] == [1]


def test_a_line_without_an_end_is_not_read_whole(tmp_path: Path) -> None:
    """However long it is, no more than the bound is held."""
    path = tmp_path / "long.jsonl"
    path.write_text("x\n" + "y" * 100)
    found = text.lines(path, longest=10)
    assert next(found).text == "x\n"
    with pytest.raises(text.UnfitFileError, match="more than 10 characters") as raised:
        next(found)
    assert raised.value.line == 2
