"""The processes of the stack: their memory, and how much of the machine others took while a cell was measured."""

from collections import Counter
from dataclasses import dataclass

import psutil

_MIB = 1024 * 1024


def pss_of_stack(pid: int) -> dict[str, float]:
    """Return MiB by process name, as proportional shares (PSS), so that shared pages count once.

    PostgreSQL's many processes are one sum. Empty where PSS is not told.
    """
    found: Counter[str] = Counter()
    for process in _family(pid):
        try:
            found[_name(process)] += process.memory_full_info().pss
        except (psutil.NoSuchProcess, AttributeError):
            continue
    return {name: round(total / _MIB, 1) for name, total in sorted(found.items())}


@dataclass(frozen=True, slots=True)
class Busy:
    """Seconds of all processors: used by anybody, and by the stack and this process."""

    anybody: float
    ours: float

    @classmethod
    def now(cls, pid: int) -> "Busy":
        """Read the counters."""
        times = psutil.cpu_times()
        ours = 0.0
        for process in (*_family(pid), psutil.Process()):
            try:
                used = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            ours += used.user + used.system
        return cls(sum(times) - times.idle - getattr(times, "iowait", 0.0), ours)

    def others_since(self, before: "Busy", *, load: float) -> float:
        """Return the seconds that neither the stack nor the bench, whose load process took ``load``, have used."""
        return max(0.0, (self.anybody - before.anybody) - (self.ours - before.ours) - load)


def _family(pid: int) -> list[psutil.Process]:
    up = psutil.Process(pid)
    return [up, *up.children(recursive=True)]


def _name(process: psutil.Process) -> str:
    command = process.cmdline()
    if "rollbook" in command:
        return command[command.index("rollbook") + 1]
    return "postgres" if process.name().startswith("postgres") else process.name()
