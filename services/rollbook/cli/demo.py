"""`rollbook demo`: an identity provider played against the running gateway, with made-up people."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from rollbook.cli import options
from rollbook.cli.admitted import admitted
from rollbook.cli.output import print_json, progress, say
from rollbook.cli.running import run_command
from rollbook.demo.entra import MATCHING, Matching, play_entra
from rollbook.demo.okta import play_okta
from rollbook.demo.result import DemoResult, Progress
from rollbook.roots.operator import operating
from rollbook.settings import Settings

app = typer.Typer(
    help="Identity providers played by the book: people join, move, marry, leave, come back. Playing again works.",
    no_args_is_help=True,
)

People = Annotated[int, typer.Option("--people", help="How many people there are at first.", min=1, max=100_000)]
Tenant = Annotated[str, typer.Option("--tenant", help="The tenant to play against, by its name.")]
Play: TypeAlias = Callable[[str, str, Progress], Awaitable[DemoResult]]


@app.command()
def entra(
    people: People = 100,
    tenant: Tenant = "acme",
    match: Annotated[
        str,
        typer.Option(help="The attribute that people are matched by.", metavar="|".join(MATCHING)),
    ] = "userName",
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Play Microsoft Entra ID: an initial cycle, then two incremental ones."""
    matching = _matching(match)

    async def play(tenant_url: str, token: str, advance: Progress) -> DemoResult:
        return await play_entra(tenant_url, token, people=people, progress=advance, matching=matching)

    _report(_run("Entra", play, tenant, data), tenant, as_json=as_json)


@app.command()
def okta(
    people: People = 100,
    tenant: Tenant = "acme",
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Play Okta: people are assigned, then updated, deactivated and reactivated, always by PUT."""

    async def play(tenant_url: str, token: str, advance: Progress) -> DemoResult:
        return await play_okta(tenant_url, token, people=people, progress=advance)

    _report(_run("Okta", play, tenant, data), tenant, as_json=as_json)


def _run(provider: str, play: Play, tenant: str, data: Path | None) -> DemoResult:
    async def command(settings: Settings) -> DemoResult:
        async with operating(settings) as operation:
            row = await operation.tenants().get(tenant)
            async with admitted(operation, row, label="rollbook demo") as (tenant_url, token):
                with progress(f"{provider} provisions {tenant}") as advance:
                    return await play(tenant_url, token, advance)

    return run_command(data, command)


def _matching(text: str) -> Matching:
    for name in MATCHING:
        if name == text:
            return name
    raise typer.BadParameter(f"{text!r} is none of {', '.join(MATCHING)}.", param_hint="--match")


def _report(found: DemoResult, tenant: str, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "provider": found.provider,
                "tenant": tenant,
                "people": len(found.rows),
                "requests": found.requests,
                "changes": found.changes,
            }
        )
        return
    active = sum(row["active"] is True for row in found.rows.values())
    say(f"{found.provider} provisioned {len(found.rows)} people of tenant {tenant}: {active} are active.")
    say(f"It sent {sum(found.requests.values())} requests: {_counted(found.requests)}.")
    say(f"They made {sum(found.changes.values())} changes: {_counted(found.changes) or 'nobody was different'}.")


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name.removesuffix('.v1')} {count}" for name, count in counts.items())
