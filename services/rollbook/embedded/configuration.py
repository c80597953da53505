"""Finds the server configuration of ``deploy/``: beside this module in an installed wheel, else in the repository."""

from pathlib import Path


def deployed(name: str) -> Path:
    """Return the path of one file of ``deploy/``, given as ``nats/nats-server.conf``."""
    here = Path(__file__).resolve()
    for folder in (here.parent / "deploy", here.parents[3] / "deploy"):
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(
        f"deploy/{name} is missing from this installation: install the distribution `rollbook` again."
    )
