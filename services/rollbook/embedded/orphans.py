"""Two ways to end a child whose parent was killed with SIGKILL; the first is the kernel's, and Process prefers it."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Final

KERNEL_CAN: Final = sys.platform == "linux"
_PR_SET_PDEATHSIG: Final = 1


def ended_by_kernel(orphan_signal: signal.Signals) -> Callable[[], None]:
    """Return what a child does between fork and exec, after its change of user (which would undo it)."""
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def end_with_parent() -> None:
        prctl(_PR_SET_PDEATHSIG, int(orphan_signal))
        if os.getppid() != parent:  # it died before the kernel was told
            os._exit(1)

    return end_with_parent


class Watchdog:
    """A shell that waits for the end of a pipe, which the death of this process brings, and then ends the child."""

    def __init__(self, pid: int, orphan_signal: signal.Signals) -> None:
        reading, self._lifeline = os.pipe()
        try:
            self._shell = subprocess.Popen(  # noqa: S603  # both arguments are numbers
                ["/bin/sh", "-c", 'read -r _; kill -"$1" "$2"', "sh", str(int(orphan_signal)), str(pid)],
                stdin=reading,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        finally:
            os.close(reading)

    def dismiss(self) -> None:
        """Send the shell away before the child's process id can become somebody else's; no harm when it is gone."""
        if self._shell.poll() is None:
            self._shell.kill()
            self._shell.wait()
        with contextlib.suppress(OSError):
            os.close(self._lifeline)
