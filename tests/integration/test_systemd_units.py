"""The units of deploy/systemd: what they start exists, systemd accepts them, and their commands serve requests."""

import asyncio
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from configparser import RawConfigParser
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from rollbook.embedded.ports import any_free
from rollbook.settings import load_settings

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
PROGRAM = "/opt/rollbook/bin/rollbook"
NAMES = ("rollbook.service", "rollbook-gateway@.service", "rollbook-projector@.service")


def command_of(name: str, instance: str) -> list[str]:
    """Return what a unit starts, as options of this checkout's command."""
    unit = RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names have capitals
    unit.read(UNITS / name)
    program, *arguments = shlex.split(unit["Service"]["ExecStart"].replace("%i", instance))
    assert program == PROGRAM
    return [sys.executable, "-m", "rollbook", *arguments]


def example_environment() -> dict[str, str]:
    lines = (UNITS / "rollbook.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@asynccontextmanager
async def started(name: str, instance: str, environment: dict[str, str]) -> AsyncIterator[None]:
    """Run what a unit starts, and stop it as systemd does."""
    process = await asyncio.create_subprocess_exec(
        *command_of(name, instance),
        env={"PATH": os.defpath, **environment},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
        assert process.returncode is None, f"{name} ended with exit status {process.returncode}"
    finally:
        process.terminate()
        async with asyncio.timeout(20):
            await process.wait()


async def status(url: str) -> int:
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status
    except aiohttp.ClientConnectionError:
        return 0


def test_every_file_is_tested() -> None:
    """A new unit has to be named here."""
    assert sorted(path.name for path in UNITS.iterdir()) == sorted((*NAMES, "rollbook.env"))


@pytest.mark.parametrize("name", NAMES)
def test_a_unit_starts_a_command_with_options_that_it_has(name: str) -> None:
    """With --help in addition nothing runs, and an unknown option would still be refused."""
    command = command_of(name, "8080")
    assert subprocess.run([*command, "--help"], capture_output=True, check=False).returncode == 0
    options = [word for word in command if word.startswith("--")]
    shown = subprocess.run([*command[:4], "--help"], capture_output=True, check=True, text=True).stdout
    assert [option for option in options if option not in shown] == []


@pytest.mark.parametrize("name", NAMES)
def test_systemd_accepts_the_unit(name: str, folder: Path) -> None:
    """Every setting is one that systemd knows, in the right section."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not on this machine")
    # The command is installed elsewhere, and the user is the administrator's to make.
    text = (UNITS / name).read_text().replace(PROGRAM, "/bin/true").replace("User=rollbook", "User=root")
    unit = folder / name.replace("@", "@8080")
    unit.write_text(text)
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, check=False, text=True
    )
    complaints = [line for line in verified.stderr.splitlines() if unit.name in line]
    assert complaints == []


def test_the_example_environment_is_one_that_rollbook_reads() -> None:
    """Every variable is known and has the right form."""
    environment = example_environment()
    settings = load_settings(environment)
    assert settings.nats_url == environment["ROLLBOOK_NATS_URL"]
    assert settings.database_url == environment["ROLLBOOK_DATABASE_URL"]
    assert settings.claim_key == environment["ROLLBOOK_CLAIM_KEY"]
    assert settings.public_url == environment["ROLLBOOK_PUBLIC_URL"]


async def test_gateway_and_projector_serve_with_the_example_environment(nats_url: str, database_url: str) -> None:
    """With real addresses in it, what the units start becomes ready, and stops when it is told to."""
    environment = example_environment() | {"ROLLBOOK_NATS_URL": nats_url, "ROLLBOOK_DATABASE_URL": database_url}
    port = str(any_free())
    async with (
        started("rollbook-projector@.service", "1", environment),
        started("rollbook-gateway@.service", port, environment),
        asyncio.timeout(40),
    ):
        while await status(f"http://127.0.0.1:{port}/readyz") != 200:  # noqa: ASYNC110  # asked of another process
            await asyncio.sleep(0.05)
