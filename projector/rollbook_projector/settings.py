"""What an operator or a test may set of the projector; the composition root fills it in."""

import os
import socket
from dataclasses import dataclass, field
from importlib.metadata import version

from rollbook_projector.pull import PullSettings
from rollbook_projector.weight import MOST


def _this_process() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _code_version() -> str:
    return version("rollbook-projector")


@dataclass(frozen=True, slots=True)
class ProjectorSettings:
    """All times are in seconds."""

    owner: str = field(default_factory=_this_process)
    """This process's name in the checkpoints and in PostgreSQL's list of sessions."""
    code_version: str = field(default_factory=_code_version)
    batch: int = 500
    most: int = MOST
    """What one transaction may weigh, in values of members; a tenant whose facts weigh more is applied apart."""
    lease: float = 5.0
    """PostgreSQL ends the session of an owner that is silent for so long, and a standby takes over."""
    takeover_poll: float = 0.5
    """How often a standby asks whether a partition is free."""
    recheck: float = 10.0
    """How often a halted partition looks whether it may go on."""
    relay_poll: float = 1.0
    """How often the relay looks for changes when nobody wakes it."""
    pace: float = 0.02
    """The least time from one batch to the next, unless batches are full: a transaction costs the same for one fact as
    for fifty, and under load they come by the hundred. Whoever comes alone is applied at once."""
    apply_delay: float = 0.0
    """An artificial wait before each batch, for tests of what happens when the projector lags."""
    pull: PullSettings = field(default_factory=PullSettings)
