"""`rollbook guide`: how to connect an organization's identity provider, as Markdown."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from rollbook.cli import options
from rollbook.cli.output import print_text, say
from rollbook.cli.running import run_command
from rollbook.control import tokens
from rollbook.guides.organization import KnownToken, Organization
from rollbook.guides.render import PROVIDERS, render
from rollbook.roots.operator import Operation, operating
from rollbook.settings import Settings
from rollbook_gateway.admission.tokens import new_token


def guide(
    provider: Annotated[str, typer.Argument(help="The identity provider: entra or okta.", metavar="entra|okta")],
    tenant: Annotated[str, typer.Option("--tenant", help="The organization, by its name.")],
    token: Annotated[
        bool,
        typer.Option("--token", help="Say beside the place of the token which ones there are; never what they are."),
    ] = False,
    issue_token: Annotated[
        bool, typer.Option("--issue-token", help="Issue a token and put it in: then the page is a secret.")
    ] = False,
    data: options.Data = None,
) -> None:
    """Print the setup guide for an organization's identity provider, with its own values, as Markdown."""
    if provider not in PROVIDERS:
        raise typer.BadParameter(f"{provider!r} has no guide; use {' or '.join(PROVIDERS)}", param_hint="PROVIDER")

    async def command(settings: Settings) -> Organization:
        async with operating(settings) as operation:
            row = await operation.tenants().get(tenant)
            return Organization(
                name=row.name,
                tenant_url=operation.tenant_url(row.name),
                settings=row.settings,
                token=await _issued(operation, row.tenant, provider) if issue_token else None,
                known_tokens=await _known(operation, row.tenant) if token else None,
            )

    print_text(*render(provider, run_command(data, command)).splitlines())
    if issue_token:
        say("The page holds a token that is not shown again: keep it as you keep the token.")


async def _issued(operation: Operation, tenant: str, provider: str) -> str:
    token = new_token()
    label = f"{provider}, issued for its setup guide"
    await tokens.issue(operation.connection, tenant, token, label=label, now=datetime.now(UTC))
    return str(token)


async def _known(operation: Operation, tenant: str) -> list[KnownToken]:
    found = await tokens.tokens(operation.connection, tenant)
    return [KnownToken(row.key_id, row.label) for row in found if row.revoked_at is None]
