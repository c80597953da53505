"""What commands print: text as it is, with nothing in it that steers a terminal; and whose reader goes away."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rollbook.cli.output import print_json, print_rows, print_text, say
from rollbook.printable import printable

PRINTING = """
import asyncio, itertools
import typer
from rollbook.cli.output import print_json
from rollbook.cli.running import run_command

def printing() -> None:
    async def command(_settings: object) -> None:
        for number in itertools.count():
            print_json({"number": number})

    run_command(None, command)

typer.run(printing)
"""


def test_a_command_ends_without_a_word_when_its_reader_has_gone() -> None:
    """`rollbook tail | head -1` shows a line and nothing about servers that cannot be reached."""
    with subprocess.Popen(
        [sys.executable, "-c", PRINTING], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == '{"number":0}\n'
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=30) == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë 漢字 😀 [b] C:\\x", "Zoë 漢字 😀 [b] C:\\x"),
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("\x9b\x7f\0\t", r"\x9b\x7f\x00\t"),
        ("a\r\nb\u2028c\x85d", r"a\r\nb\u2028c\x85d"),
        ("Zoë\u202e\u2066\u200b\udc80", r"Zoë\u202e\u2066\u200b\udc80"),
    ],
)
def test_what_is_not_printable_is_shown_escaped(
    text: str, shown: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In lines, in tables and in what is said, on a terminal as well; what is printable stays as it is."""
    assert printable(text) == shown
    print_text(text, "next")
    say(text, "next")
    assert capsys.readouterr() == (f"{shown}\nnext\n",) * 2
    monkeypatch.setenv("FORCE_COLOR", "1")
    print_rows([{"name": text, "names": [text, "x"]}], as_json=False)
    table = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)  # the titles are bold
    assert [line.rstrip() for line in table.splitlines()[1:]] == [f"{shown}  {shown}, x"]


def test_markup_of_tables_is_text(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a link nor a tag that is closed and was never open, nor an emoji by its name."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    names = ["[/x]", "[link=http://e.x]pay[/link]", "[red]r", ":smile:", "\\[b]"]
    print_rows([{"[i]title": name} for name in names], as_json=False)
    printed = capsys.readouterr().out
    assert "\x1b]8" not in printed
    assert [line.strip() for line in printed.splitlines()[1:]] == names


def test_json_holds_what_was_sent(capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts read the text itself."""
    text = "[/x]\x1b]0;T\x07\u202e\n"
    print_json({"name": text})
    print_rows([{"name": text}], as_json=True)
    assert [json.loads(line) for line in capsys.readouterr().out.split("\n") if line] == [{"name": text}] * 2


def test_nothing_else_in_the_command_line_writes() -> None:
    """Whoever prints past ``output`` would have to think of strangers' names again."""
    folder = Path(__file__).parents[3] / "services" / "rollbook"
    writing = re.compile(r"\bprint\(|sys\.(stdout|stderr)|^(from|import) rich\b|\b(click|typer)\.s?echo", re.MULTILINE)
    found = {str(path.relative_to(folder)) for path in folder.rglob("*.py") if writing.search(path.read_text())}
    assert found == {"cli/output.py", "logging.py"}  # logging: ids and routes, never names
