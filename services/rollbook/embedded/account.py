"""The unprivileged account that root hands the servers to; NatsServer and Postgres ask it before they start."""

import os
import pwd
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rollbook.embedded.errors import EmbeddedError, FolderUnreachableError

CANDIDATES: Final = ("nobody", "daemon")


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine, other than root."""

    name: str
    uid: int
    gid: int

    def __str__(self) -> str:
        return f"{self.name} (uid {self.uid})"


def servers_account(folder: Path) -> Account | None:
    """Return the account that servers with data in ``folder`` are handed to, or None where nobody needs to be changed.

    PostgreSQL refuses to run as root. The data stay with whom they belong to: the owner of the folder, or of the
    nearest one above it that exists, unless that is root.
    """
    if os.geteuid() != 0:
        return None
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    owner = _by_uid(nearest.stat().st_uid)
    if owner is not None and owner.uid != 0:
        return owner
    for name in CANDIDATES:
        account = _by_name(name)
        if account is not None and account.uid != 0:
            return account
    raise EmbeddedError(
        f"The servers do not run as root, and this machine has no user {' or '.join(CANDIDATES)} to hand them to. "
        "Run as a user other than root."
    )


def require_reach(account: Account | None, paths: Iterable[Path], *, purpose: str) -> None:
    """Raise FolderUnreachableError, naming the first folder in the way, unless the account can get at all the paths.

    The kernel is asked, as that account, so that access lists and the like count too. Folders that are still missing do
    not count: we make them so that the account may pass.
    """
    if account is None:
        return
    paths = list(paths)
    on_the_way = {parent for path in paths for parent in path.absolute().parents if parent.is_dir()}
    in_order = [
        *sorted(on_the_way, key=lambda folder: len(folder.parts)),
        *(path for path in paths if path.is_file()),
    ]
    refused = subprocess.run(  # noqa: S603  # nothing of this comes from outside
        [
            "/bin/sh",
            "-c",
            'for f; do test -d "$f" -a -x "$f" -o -f "$f" -a -r "$f" || { printf %s "$f"; exit 1; }; done',
            "sh",
            *map(str, in_order),
        ],
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        cwd="/",
        env={},
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    if refused:
        raise FolderUnreachableError(Path(refused), purpose=purpose, account=str(account))


def _by_uid(uid: int) -> Account | None:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _by_name(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
