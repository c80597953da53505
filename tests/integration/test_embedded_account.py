"""As root: the servers belong to an unprivileged account, and no folder is opened up for it."""

import os
from pathlib import Path

import psutil
import pytest

from rollbook.embedded.account import Account, require_reach, servers_account
from rollbook.embedded.errors import FolderUnreachableError, FolderUnreadableError
from rollbook.embedded.nats_server import NatsServer
from rollbook.embedded.postgres import Postgres
from support.servers import modes

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the servers to another account")
as_anyone_else = pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")


def account_of(folder: Path) -> Account:
    account = servers_account(folder)
    assert account is not None
    return account


def groups_of(pid: int) -> list[str]:
    """Return the supplementary groups of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line for line in lines if line.startswith("Groups:")).split()[1:]


@as_root
async def test_servers_do_not_run_as_root(nats_server: NatsServer, postgres: Postgres) -> None:
    """Started by root, both servers run as another user, without root's groups."""
    for pid in (nats_server.pid, postgres.pid):
        process = psutil.Process(pid)
        assert 0 not in (*process.uids(), *process.gids())
        assert groups_of(pid) == []


@as_root
@pytest.mark.parametrize("server", [NatsServer, Postgres])
async def test_closed_folder_is_named_and_stays_closed(folder: Path, server: type[NatsServer | Postgres]) -> None:
    """Where the account may not pass, the start is refused with the folder and the remedy; nothing is changed."""
    closed = folder / "closed"
    closed.mkdir(mode=0o700)

    with pytest.raises(FolderUnreachableError, match=f"may not enter {closed}. Allow it with `chmod o\\+x {closed}`"):
        await server(closed / "data").start()

    assert modes(closed) == {"": 0o700}


@as_root
@pytest.mark.parametrize("server", [NatsServer, Postgres])
async def test_closed_binaries_are_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, server: type[NatsServer | Postgres]
) -> None:
    """Where the account cannot get at the programs, the message says which folder is in the way."""
    closed = folder / "venv"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr("rollbook.embedded.nats_server.nats_server_binary", lambda: closed / "bin" / "nats-server")
    monkeypatch.setattr("rollbook.embedded.postgres.postgres_binary", lambda name: closed / "bin" / name)

    with pytest.raises(FolderUnreachableError, match=f"cannot be started: .* may not enter {closed}"):
        await server(folder / "data").start()


@as_root
async def test_folders_that_we_did_not_make_keep_mode_and_owner(folder: Path) -> None:
    """A folder that was there before is used as it is."""
    given = folder / "given"
    given.mkdir()
    given.chmod(0o751)
    async with Postgres(given):
        assert (given.stat().st_mode & 0o777, given.stat().st_uid) == (0o751, 0)
    assert modes(folder) == {"": 0o711, "given": 0o751}


@as_root
def test_data_stay_with_the_owner_of_their_folder(folder: Path) -> None:
    """Root, starting a stack in somebody's folder, leaves that person the data."""
    assert account_of(folder).uid != 1
    os.chown(folder, 1, 1)

    assert account_of(folder / "not" / "there").uid == 1


@as_root
def test_the_kernel_is_asked_who_may_pass(folder: Path) -> None:
    """A folder that the account may enter is no obstacle, one that it may not is, whatever lies below."""
    account = account_of(folder)
    inner = folder / "inner"
    inner.mkdir(mode=0o755)
    require_reach(account, [inner / "file"], purpose="x")

    folder.chmod(0o700)
    with pytest.raises(FolderUnreachableError) as refused:
        require_reach(account, [inner / "file"], purpose="x")
    assert refused.value.folder == folder


@as_root
def test_file_that_the_account_may_not_read_is_named(folder: Path) -> None:
    """A program installed for root's eyes only is found before it is run."""
    program = folder / "nats-server"
    program.touch(mode=0o700)

    with pytest.raises(FolderUnreachableError, match=f"may not read {program}. Allow it with `chmod o\\+r {program}`"):
        require_reach(account_of(folder), [program], purpose="x")


@as_anyone_else
def test_an_ordinary_user_runs_the_servers_itself(folder: Path) -> None:
    """Without root's rights nobody needs to be changed."""
    assert servers_account(folder) is None


@pytest.fixture
def sealed(folder: Path) -> Path:
    folder.chmod(0o500)
    return folder


@as_anyone_else
async def test_folder_of_somebody_else_is_explained(sealed: Path) -> None:
    """Data that belong to another user are refused in words, not with a traceback."""
    with pytest.raises(FolderUnreadableError, match="Run as the user who made this folder"):
        await NatsServer(sealed / "nats").start()
