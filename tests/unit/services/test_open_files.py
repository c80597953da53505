"""The limit of open files: a process that was given few takes as many as it may."""

import subprocess
import sys

RAISED = """
import resource
from rollbook.open_files import raise_limit
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 4096))
raise_limit()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def test_the_limit_of_open_files_is_raised_as_far_as_the_system_lets_it() -> None:
    """A burst of connections does not end at the few files that a login shell gives."""
    process = subprocess.run([sys.executable, "-c", RAISED], capture_output=True, text=True, check=True)

    assert process.stdout.split() == ["4096", "4096"]
