"""What can go wrong with the embedded servers; each message tells a person what to do next.

EmbeddedError
├── DataInUseError           another process holds the folder
├── FolderUnreachableError   the servers' account may not enter a folder
├── FolderUnreadableError    the folder belongs to somebody else
├── StartFailedError         a server ended, or did not answer in time, while starting
└── GaveUpError              a child ended again and again
"""

from pathlib import Path


class EmbeddedError(Exception):
    """The stack cannot run as asked; the message is for the person who asked."""


class DataInUseError(EmbeddedError):
    """Another process holds the folder's lock."""

    def __init__(self, folder: Path, holder: str) -> None:
        super().__init__(f"{folder} is in use by {holder}. Stop that process, or choose another folder with --data.")
        self.folder = folder
        self.holder = holder


class FolderUnreachableError(EmbeddedError):
    """Root hands the servers to an unprivileged account, and that account may not enter a folder (or read a file)."""

    def __init__(self, folder: Path, *, purpose: str, account: str) -> None:
        verb, right = ("read", "r") if folder.is_file() else ("enter", "x")
        super().__init__(
            f"{purpose}: the servers do not run as root but as {account}, which may not {verb} {folder}. "
            f"Allow it with `chmod o+{right} {folder}`, or use another place, or run as a user other than root."
        )
        self.folder = folder


class FolderUnreadableError(EmbeddedError):
    """A file of the data folder cannot be read or written by who runs this."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}. Run as the user who made this folder, or choose another one with --data.")
        self.path = path


class StartFailedError(EmbeddedError):
    """A child ended, or did not become ready in time, while it was starting."""

    def __init__(self, name: str, what: str, log: Path, tail: str) -> None:
        super().__init__(
            f"{name} did not start: {what}. Its log is {log}" + (f"; the end of it:\n{tail}" if tail else ".")
        )
        self.name = name
        self.log = log


class GaveUpError(EmbeddedError):
    """A child ended again and again; restarting it any more would only hide the cause."""

    def __init__(self, name: str, attempts: int, last: str) -> None:
        super().__init__(f"{name} ended {attempts} times in a row, so everything was stopped. The last time: {last}")
        self.name = name
