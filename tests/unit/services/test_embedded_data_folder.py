"""The data folder: secrets made once, for their owner only; held by one process, which is named to the next."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rollbook.embedded.data_folder import DataFolder, Stack
from rollbook.embedded.errors import DataInUseError
from support.servers import modes

STACK = Stack(
    tenant_url="http://127.0.0.1:8080/scim/acme/v2",
    token="rb_1_secret",
    gateway_url="http://127.0.0.1:8080",
    nats_url="nats://127.0.0.1:4222",
    database_url="postgresql://127.0.0.1:5432/rollbook",
)


@pytest.fixture
def data(folder: Path) -> DataFolder:
    made = DataFolder(folder / "some" / "where")
    made.make()
    return made


def test_every_secret_is_for_its_owner_only(data: DataFolder) -> None:
    """Claim key, demo token, addresses with credentials and the lock have mode 0600."""
    data.claim_key()
    data.demo_token(lambda: "rb_1_secret")
    data.publish(STACK)
    with data.hold():
        found = modes(data.path)

    folder_mode = found.pop("")
    assert folder_mode == (0o711 if os.geteuid() == 0 else 0o700)
    assert found == dict.fromkeys(("claim-key", "demo-token", "stack.json", "lock"), 0o600)


def test_claim_key_is_made_once(data: DataFolder) -> None:
    """The key that claims are hashed with is 32 bytes and never changes."""
    known_before = data.has_claim_key()
    key = data.claim_key()

    assert not known_before
    assert data.has_claim_key()
    assert len(key) == 32
    assert DataFolder(data.path).claim_key() == key


def test_demo_token_is_issued_once(data: DataFolder) -> None:
    """Every later start gives the same token."""

    def refuse() -> str:
        raise AssertionError("issued twice")

    assert data.demo_token(lambda: "rb_1_secret") == "rb_1_secret"
    assert data.demo_token(refuse) == "rb_1_secret"


def test_second_holder_is_told_who_has_it(data: DataFolder) -> None:
    """A second `up` on data in use refuses and says which process has them, since when, and what to do."""
    said = rf"{data.path} is in use by rollbook up, process {os.getpid()}, since \d{{4}}-.* UTC\. Stop that process"
    with data.hold(), pytest.raises(DataInUseError, match=said):
        data.hold()


def test_folder_is_free_again_when_its_holder_is_gone(data: DataFolder) -> None:
    """What a holder wrote into the lock file keeps nobody out."""
    data.hold().close()
    data.hold().close()


def test_running_stack_is_found_while_its_holder_lives(data: DataFolder) -> None:
    """Other commands find the addresses of a stack that runs, and none that a killed one left behind."""
    with data.hold():
        data.publish(STACK)
        while_held = data.running()
    after_a_kill = data.running()
    with data.hold():
        data.withdraw()
        after_the_end = data.running()

    assert (while_held, after_a_kill, after_the_end) == (STACK, None, None)


def test_ready_file_is_whole_and_private(folder: Path) -> None:
    """The ready file replaces an older one in one step, with mode 0600 whatever that one had."""
    file = folder / "ready.json"
    file.write_text("old")
    file.chmod(0o644)
    STACK.write(file)

    assert json.loads(file.read_text()) == {
        "tenant_url": STACK.tenant_url,
        "token": STACK.token,
        "gateway_url": STACK.gateway_url,
        "nats_url": STACK.nats_url,
        "database_url": STACK.database_url,
    }
    assert modes(folder) == {"": 0o711, "ready.json": 0o600}


def test_existing_folder_keeps_its_mode(folder: Path) -> None:
    """A folder that somebody made is used as it is."""
    folder.chmod(0o755)
    DataFolder(folder).make()

    assert modes(folder) == {"": 0o755}


@pytest.mark.parametrize("read", [DataFolder.running, DataFolder.has_claim_key])
def test_looking_makes_nothing(folder: Path, read: Callable[[DataFolder], object]) -> None:
    """A command that only looks for a stack leaves no trace."""
    assert not read(DataFolder(folder / "absent"))
    assert not (folder / "absent").exists()
