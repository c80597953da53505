"""`rollbook token`: the secrets that identity providers present."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from rollbook.cli import options
from rollbook.cli.output import print_rows, say
from rollbook.cli.running import run_command
from rollbook.control import tokens
from rollbook.roots.operator import operating
from rollbook.settings import Settings
from rollbook_gateway.admission.tokens import new_token

app = typer.Typer(help="Tokens: what identity providers present beside the Tenant URL.", no_args_is_help=True)

TenantName = Annotated[str, typer.Option("--tenant", help="The tenant's name.")]


@app.command()
def issue(
    tenant: TenantName,
    label: Annotated[str, typer.Option(help="What the token is for, for your own memory.")] = "",
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Issue a token. It is shown once, now."""

    async def command(settings: Settings) -> dict[str, object]:
        async with operating(settings) as operation:
            row = await operation.tenants().get(tenant)
            token = new_token()
            await tokens.issue(operation.connection, row.tenant, token, label=label, now=datetime.now(UTC))
            return {"tenant_url": operation.tenant_url(row.name), "token": str(token), "key_id": token.key_id}

    issued = run_command(data, command)
    if as_json:
        print_rows([issued], as_json=True)
        return
    print_rows(({"": name, " ": value} for name, value in issued.items()), as_json=False)
    say("Keep the token: it is not shown again.")


@app.command("list")
def list_all(tenant: TenantName, data: options.Data = None, as_json: options.Json = False) -> None:
    """List a tenant's tokens, without their secrets."""

    async def command(settings: Settings) -> list[dict[str, object]]:
        async with operating(settings) as operation:
            row = await operation.tenants().get(tenant)
            return [
                {
                    "key_id": token.key_id,
                    "label": token.label,
                    "created_at": token.created_at.isoformat(),
                    "revoked_at": token.revoked_at.isoformat() if token.revoked_at else None,
                }
                for token in await tokens.tokens(operation.connection, row.tenant)
            ]

    print_rows(run_command(data, command), as_json=as_json)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key id: the part between rb_ and the second _.")],
    data: options.Data = None,
) -> None:
    """End a token: gateways stop admitting it within a second."""

    async def command(settings: Settings) -> None:
        async with operating(settings) as operation:
            await tokens.revoke(operation.connection, key_id, now=datetime.now(UTC))

    run_command(data, command)
    say(f"Token {key_id} is revoked.")
