"""The folder with everything of one installation; `rollbook up` holds it, every other command reads what runs there.

lock                    held by `rollbook up`, naming its process
nats/  postgres/        one folder for each server: data, password, ports, log
claim-key  demo-token   made once, kept for good
stack.json              where the running stack answers, credentials inside
*.log                   what our own processes wrote
"""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from rollbook.embedded.account import servers_account
from rollbook.embedded.errors import DataInUseError
from rollbook.embedded.files import explained, kept_secret, make_folder, write_private
from rollbook.embedded.locks import FolderLock


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Where a running stack answers; each address works as it stands. Without a demo tenant the first two are None."""

    tenant_url: str | None
    token: str | None
    gateway_url: str
    nats_url: str
    database_url: str

    def write(self, file: Path) -> None:
        """Write the ready file: JSON, mode 0600, never seen half written."""
        write_private(file.absolute(), json.dumps(asdict(self), indent=2) + "\n")


class DataFolder:
    """One installation's folder, made with `make` when it is missing."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.nats = self.path / "nats"
        self.postgres = self.path / "postgres"

    def make(self) -> None:
        """Make the folder when it is missing: nobody else may look into it, the servers' account may pass through."""
        account = servers_account(self.path)
        if not self.path.is_dir():
            make_folder(self.path, mode=0o711 if account else 0o700)

    def hold(self) -> FolderLock:
        """Take the folder for this process until the lock is closed, or raise DataInUseError naming who has it."""
        lock = FolderLock.take(self.path / "lock")
        lock.name_holder("rollbook up", os.getpid())
        return lock

    def log(self, name: str) -> Path:
        """Return the log file of one of our own processes."""
        return self.path / f"{name}.log"

    def has_claim_key(self) -> bool:
        """Say whether the claim key was made already."""
        return (self.path / "claim-key").exists()

    def claim_key(self) -> bytes:
        """Return the key that unique values are hashed with: made once, never changed, in no database."""
        return bytes.fromhex(kept_secret(self.path / "claim-key"))

    def demo_token(self, issue: Callable[[], str], *, anew: bool = False) -> str:
        """Return the demo tenant's token, issued when asked for the first time, or ``anew``."""
        file = self.path / "demo-token"
        with explained(file):
            if anew or not file.exists():
                write_private(file, issue())
            return file.read_text(encoding="utf-8").strip()

    def publish(self, stack: Stack) -> None:
        """Let every other command find the stack that runs here."""
        stack.write(self.path / "stack.json")

    def withdraw(self) -> None:
        """Say that nothing runs here any more."""
        (self.path / "stack.json").unlink(missing_ok=True)

    def running(self) -> Stack | None:
        """Return the stack that runs here, or None; what a killed one left behind does not count."""
        file = self.path / "stack.json"
        with explained(file):
            if not file.exists() or not self._is_held():
                return None
            return Stack(**json.loads(file.read_text(encoding="utf-8")))

    def _is_held(self) -> bool:
        try:
            FolderLock.take(self.path / "lock").close()
        except DataInUseError:
            return True
        return False
