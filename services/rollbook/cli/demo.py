"""`rollbook demo`: an identity provider played against the running gateway, with made-up people."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from random import Random
from typing import Annotated, Optional, TypeAlias

import typer

from rollbook.cli import options
from rollbook.cli.admitted import admitted
from rollbook.cli.output import print_json, progress, say
from rollbook.cli.running import FINDING, run_command
from rollbook.control.applied import wait_until_applied
from rollbook.demo.entra import MATCHING, Matching, play_entra
from rollbook.demo.okta import play_okta
from rollbook.demo.result import DemoResult, Progress
from rollbook.demo.verification import findings
from rollbook.roots.operator import operating
from rollbook.settings import Settings
from rollbook_contracts.partitions import partition_of

app = typer.Typer(
    help="Identity providers played by the book: people join, move, marry, leave, come back. Playing again works.",
    no_args_is_help=True,
)

People = Annotated[int, typer.Option("--people", help="How many people there are at first.", min=1, max=100_000)]
Groups = Annotated[
    Optional[int],  # noqa: UP045  # typer reads the annotation
    typer.Option(
        "--groups",
        help="How many groups there are; one of them holds everybody. Left out: one for ten people, 3 to 500.",
        min=0,
        max=10_000,
        show_default=False,
    ),
]
Tenant = Annotated[str, typer.Option("--tenant", help="The tenant to play against, by its name.")]
Play: TypeAlias = Callable[[str, str, Progress], Awaitable[DemoResult]]
SHOWN = 20
"""Findings that are told one by one."""


@app.command()
def entra(  # noqa: PLR0913, PLR0917  # one parameter for each option of the command
    people: People = 100,
    groups: Groups = None,
    tenant: Tenant = "acme",
    match: Annotated[
        str,
        typer.Option(help="The attribute that people are matched by.", metavar="|".join(MATCHING)),
    ] = "userName",
    shuffle: Annotated[
        bool,
        typer.Option(
            "--shuffle",
            help="Play each cycle's requests in random order, many at once: members and managers are named before they "
            "are provisioned, wait, and are linked.",
        ),
    ] = False,
    seed: Annotated[
        Optional[int],  # noqa: UP045  # typer reads the annotation
        typer.Option(help="Shuffle by this number, to shuffle the same way again.", show_default=False),
    ] = None,
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Play Microsoft Entra ID: an initial cycle, then two incremental ones.

    Each cycle provisions people, then groups without members, then members in chunks, then managers. Between the
    cycles people move, marry, leave, come back, are purged and join; members come and go, groups are renamed. In the
    end the tables are compared with the directory; exit status 1 where anything is otherwise.
    """
    matching = _matching(match)
    shuffled = Random(seed) if shuffle else None  # noqa: S311  # a game of chance, no secrets

    async def play(tenant_url: str, token: str, advance: Progress) -> DemoResult:
        return await play_entra(
            *(tenant_url, token),
            people=people,
            groups=groups,
            progress=advance,
            shuffled=shuffled,
            matching=matching,
        )

    _report(*_run("Entra", play, tenant, data), tenant, as_json=as_json)


@app.command()
def okta(
    people: People = 100,
    groups: Groups = None,
    tenant: Tenant = "acme",
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Play Okta: people are assigned, updated, deactivated and reactivated, always by PUT; groups are pushed whole.

    In the end the tables are compared with the directory; exit status 1 where anything is otherwise.
    """

    async def play(tenant_url: str, token: str, advance: Progress) -> DemoResult:
        return await play_okta(tenant_url, token, people=people, groups=groups, progress=advance)

    _report(*_run("Okta", play, tenant, data), tenant, as_json=as_json)


def _run(provider: str, play: Play, tenant: str, data: Path | None) -> tuple[DemoResult, list[str]]:
    """Play, wait until the tables show it, and compare."""

    async def command(settings: Settings) -> tuple[DemoResult, list[str]]:
        async with operating(settings) as operation:
            row = await operation.tenants().get(tenant)
            async with admitted(operation, row, label="rollbook demo") as (tenant_url, token):
                with progress(f"{provider} provisions {tenant}") as advance:
                    played = await play(tenant_url, token, advance)
            partition = partition_of(row.tenant, operation.partitions)
            await wait_until_applied(operation.connection, partition, await operation.log.head(partition), row.tenant)
            return played, await findings(operation.connection, row.tenant, played)

    return run_command(data, command)


def _matching(text: str) -> Matching:
    for name in MATCHING:
        if name == text:
            return name
    raise typer.BadParameter(f"{text!r} is none of {', '.join(MATCHING)}.", param_hint="--match")


def _report(found: DemoResult, otherwise: list[str], tenant: str, *, as_json: bool) -> None:
    memberships = sum(len(group.members) for group in found.groups.values())
    if as_json:
        print_json(
            {
                "provider": found.provider,
                "tenant": tenant,
                "people": len(found.rows),
                "groups": len(found.groups),
                "memberships": memberships,
                "requests": found.requests,
                "changes": found.changes,
                "findings": otherwise,
            }
        )
    else:
        active = sum(row["active"] is True for row in found.rows.values())
        say(f"{found.provider} provisioned {len(found.rows)} people of tenant {tenant}: {active} are active.")
        say(f"It provisioned {len(found.groups)} groups with {memberships} memberships.")
        say(f"It sent {sum(found.requests.values())} requests: {_counted(found.requests)}.")
        say(
            f"Its writes on people made {sum(found.changes.values())} changes: "
            f"{_counted(found.changes) or 'nobody was different'}."
        )
    _verdict(found, otherwise, quiet=as_json)
    if otherwise:
        raise typer.Exit(FINDING)


def _verdict(found: DemoResult, otherwise: list[str], *, quiet: bool) -> None:
    for finding in otherwise[:SHOWN]:
        say(finding)
    if len(otherwise) > SHOWN:
        say(f"… and {len(otherwise) - SHOWN} more.")
    if not otherwise and not quiet:
        say(
            f"The tables were compared with the directory: everybody is there once, {len(found.groups)} groups have "
            f"exactly their members, {len(found.managers)} managers are linked, and nothing waits that names anyone."
        )


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name.removesuffix('.v1')} {count}" for name, count in counts.items())
