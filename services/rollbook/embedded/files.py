"""Private files and folders: made whole, for the owner alone; used by the data folder and both servers."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from rollbook.embedded.account import Account
from rollbook.embedded.errors import FolderUnreadableError


def make_folder(folder: Path, *, mode: int, owner: Account | None = None) -> None:
    """Make a folder and what is missing above it with exactly this mode; one that exists is left as it is."""
    with explained(folder):
        if folder.is_dir():
            return
        make_folder(folder.parent, mode=0o711 if owner else mode)
        folder.mkdir(exist_ok=True)
        folder.chmod(mode)
        if owner is not None:
            os.chown(folder, owner.uid, owner.gid)


def write_private(path: Path, text: str, *, owner: Account | None = None) -> None:
    """Write a file of mode 0600 that is never seen half written, not even after a power cut."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with explained(path):
        try:
            descriptor = open_private(draft, os.O_WRONLY | os.O_EXCL, owner=owner)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(descriptor)
            draft.replace(path)
            _sync_folder(path.parent)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


def kept_secret(path: Path, *, owner: Account | None = None) -> str:
    """Return the secret kept in this file, 32 random bytes as hex, made when asked for the first time."""
    with explained(path):
        if not path.exists():
            write_private(path, secrets.token_hex(32), owner=owner)
        return path.read_text(encoding="utf-8").strip()


def open_private(path: Path, flags: int, *, owner: Account | None = None) -> int:
    """Open a file, made with mode 0600 when missing; never through a link that the servers' account may have laid."""
    descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    if owner is not None:
        os.fchown(descriptor, owner.uid, owner.gid)
    return descriptor


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn a refusal of the file system into one that says what to do."""
    try:
        yield
    except PermissionError as error:
        raise FolderUnreadableError(Path(error.filename or path), error.strerror or "permission denied") from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
