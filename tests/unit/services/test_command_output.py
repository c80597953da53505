"""What becomes of a command whose reader goes away."""

import subprocess
import sys

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
