"""Where the running stack is: the addresses and the claim key, from the environment or from the data folder."""

from dataclasses import dataclass

from rollbook.embedded.data_folder import DataFolder
from rollbook.errors import CommandError
from rollbook.settings import Settings
from rollbook_contracts.claims import ClaimKey

DEFAULT_GATEWAY_URL = "http://127.0.0.1:8080"


@dataclass(frozen=True, slots=True)
class Stack:
    """The servers that a process talks to; credentials stand inside the URLs."""

    nats_url: str
    database_url: str
    claim_key: ClaimKey
    gateway_url: str = DEFAULT_GATEWAY_URL
    nats_monitor_url: str | None = None


def find_stack(settings: Settings) -> Stack:
    """Return the stack that the settings name; raises ``CommandError`` where there is none."""
    folder = DataFolder(settings.data)
    running = folder.running() if folder.path.is_dir() else None
    nats_url = settings.nats_url or (running.nats_url if running else None)
    database_url = settings.database_url or (running.database_url if running else None)
    if nats_url is None or database_url is None:
        raise CommandError(
            f"No stack runs in {settings.data}. Start one with `rollbook up --data {settings.data}`, or name servers "
            "with ROLLBOOK_NATS_URL and ROLLBOOK_DATABASE_URL.",
        )
    return Stack(
        nats_url=nats_url,
        database_url=database_url,
        claim_key=_claim_key(settings, folder),
        gateway_url=settings.public_url or (running.gateway_url if running else DEFAULT_GATEWAY_URL),
        nats_monitor_url=settings.nats_monitor_url,
    )


def _claim_key(settings: Settings, folder: DataFolder) -> ClaimKey:
    if settings.claim_key is not None:
        return ClaimKey(bytes.fromhex(settings.claim_key))
    if folder.has_claim_key():
        return ClaimKey(folder.claim_key())
    raise CommandError(
        "The key that unique values are hashed with is not known. Set ROLLBOOK_CLAIM_KEY to 64 hexadecimal digits (at "
        "the first start make them with `openssl rand -hex 32`): the same for every process, kept for ever.",
    )
