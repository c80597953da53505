"""scripts/python.sh: which Python the virtual environment is made with, and what is said when there is none."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
WANTED = (ROOT / ".python-version").read_text().strip()
REAL = f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'
BROKEN_SHIM = "#!/bin/sh\necho 'no version is selected' >&2\nexit 127\n"
TOO_OLD = "#!/bin/sh\nexit 1\n"
WITHOUT_VENV = f'#!/bin/sh\ncase "$2" in *ensurepip*) exit 1 ;; esac\nexec "{sys.executable}" "$@"\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A PATH with what the script needs, and nothing else."""
    cat = shutil.which("cat")
    assert cat is not None
    (tmp_path / "cat").symlink_to(cat)
    return tmp_path


def put(path: Path, name: str, script: str) -> None:
    (path / name).write_text(script)
    (path / name).chmod(0o755)


def choose(path: Path, python: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "scripts/python.sh"],
        cwd=ROOT,
        env={"PATH": str(path), "PYTHON": python},
        capture_output=True,
        text=True,
        check=False,
    )


def test_shim_that_selects_nothing_is_passed_over(path: Path) -> None:
    """A name on the PATH counts only when it runs."""
    put(path, f"python{WANTED}", BROKEN_SHIM)
    put(path, "python3", REAL)

    assert choose(path).stdout.strip() == sys.executable


def test_wanted_version_comes_first(path: Path) -> None:
    """The version of .python-version is taken where there is one."""
    put(path, "python3", BROKEN_SHIM)
    put(path, f"python{WANTED}", REAL)

    assert choose(path).stdout.strip() == sys.executable


def test_named_python_is_the_only_candidate(path: Path) -> None:
    """PYTHON=… overrides; when that one does not serve, no other is taken in silence."""
    put(path, "python3", REAL)
    put(path, "mine", TOO_OLD)
    refused = choose(path, "mine")

    assert choose(path, "python3").returncode == 0
    assert refused.returncode == 1
    assert refused.stderr.startswith("PYTHON=mine is no Python 3.11 or newer that runs.")


def test_none_says_what_to_install(path: Path) -> None:
    """Without any Python the message names what to install."""
    refused = choose(path)

    assert refused.returncode == 1
    assert f"Install Python {WANTED}" in refused.stderr


def test_python_without_venv_says_what_to_install(path: Path) -> None:
    """Debian's python3 without python3-venv is explained, not tried."""
    put(path, "python3", WITHOUT_VENV)
    refused = choose(path)

    assert refused.returncode == 1
    assert "apt install python3-venv" in refused.stderr


def test_uv_needs_no_venv_module(path: Path) -> None:
    """Where uv makes the environment, a Python without the venv module will do."""
    put(path, "uv", REAL)
    put(path, "python3", WITHOUT_VENV)

    assert choose(path).stdout.strip() == sys.executable
