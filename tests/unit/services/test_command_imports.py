"""What a process of the command line carries with it for as long as it lives."""

import subprocess
import sys

LOADED = "import sys, rollbook.cli; print(*sorted({name.partition('.')[0] for name in sys.modules}))"


def test_only_who_migrates_carries_alembic() -> None:
    """A gateway is started by the command line: what that imports stays in the gateway's memory."""
    loaded = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True).stdout.split()
    assert "aiohttp" in loaded
    assert "alembic" not in loaded
