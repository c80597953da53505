"""The options of `rollbook tenant set` for a rate limit, and how one is shown."""

from typing import Annotated, Optional, TypeAlias

import typer
from msgspec import UNSET, UnsetType

from rollbook_contracts.settings import RateLimit

Limit: TypeAlias = RateLimit | UnsetType

PerSecond: TypeAlias = Annotated[
    Optional[int],  # noqa: UP045  # typer reads the annotation
    typer.Option(
        "--rate-limit",
        help="Requests per second that each gateway takes; more wait, up to 2 s. 0: no limit.",
        metavar="N",
        min=0,
        max=100_000,
        show_default=False,
    ),
]
Burst: TypeAlias = Annotated[
    Optional[int],  # noqa: UP045  # typer reads the annotation
    typer.Option(
        "--burst",
        help="Requests at once after a pause; one second's worth unless given.",
        metavar="M",
        min=1,
        max=1_000_000,
        show_default=False,
    ),
]


def revised(per_second: int | None, burst: int | None, present: Limit) -> Limit:
    """Return the limit that was asked for; what is not named stays. Raises ``BadParameter`` for a burst of none."""
    if per_second is None and burst is None:
        return present
    if per_second is None and present is not UNSET:
        per_second = present.requests_per_second
    if per_second is None or (per_second == 0 and burst is not None):
        raise typer.BadParameter("there is no rate limit that it would be a burst of", param_hint="--burst")
    return RateLimit(per_second, burst or per_second) if per_second else UNSET


def as_row(limit: Limit) -> dict[str, object]:
    """Return the cells of a limit, empty where there is none."""
    if limit is UNSET:
        return {"rate_limit": None, "burst": None}
    return {"rate_limit": limit.requests_per_second, "burst": limit.burst}
