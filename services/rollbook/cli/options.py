"""The options that every command shares."""

from pathlib import Path
from typing import Annotated, Optional, TypeAlias

import typer

Data: TypeAlias = Annotated[
    Optional[Path],  # noqa: UP045  # typer reads the annotation
    typer.Option(
        "--data",
        help="The data folder of the running stack [env: ROLLBOOK_DATA; default: ./.rollbook].",
        show_default=False,
    ),
]
Json: TypeAlias = Annotated[
    bool,
    typer.Option("--json", help="One JSON object per line on stdout, for scripts."),
]
Tenant: TypeAlias = Annotated[
    Optional[str],  # noqa: UP045  # typer reads the annotation
    typer.Option("--tenant", help="Only this tenant, by its name.", show_default=False),
]
