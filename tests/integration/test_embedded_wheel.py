"""An installed wheel brings the configuration of deploy/ along; this repository's own files are what it brings."""

import subprocess
import sys
import zipfile
from pathlib import Path

import rollbook
from rollbook.embedded.configuration import deployed

ROOT = Path(rollbook.__file__).parents[2]
FILES = ("nats/nats-server.conf", "postgres/postgresql.conf", "postgres/pg_hba.conf")


def test_repository_uses_the_files_of_deploy() -> None:
    """In an editable installation the files of deploy/ are used where they are."""
    assert [deployed(name) for name in FILES] == [ROOT / "deploy" / name for name in FILES]


def test_wheel_finds_its_own_copy(tmp_path: Path) -> None:
    """Far from the repository the package finds the same files, from the wheel."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT / "services", check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    ask = f"from rollbook.embedded.configuration import deployed\nfor name in {FILES}: print(deployed(name))"
    answer = subprocess.run(
        [sys.executable, "-c", ask],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site")},
        check=True,
        capture_output=True,
        text=True,
    )

    found = [Path(line) for line in answer.stdout.splitlines()]
    assert all(path.is_relative_to(tmp_path) for path in found)
    assert [path.read_text() for path in found] == [(ROOT / "deploy" / name).read_text() for name in FILES]
