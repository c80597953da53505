"""`rollbook token`: the secrets that identity providers present."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Annotated, Optional, cast

import typer

from rollbook.cli import options
from rollbook.cli.output import Row, print_rows, say
from rollbook.cli.running import run_command
from rollbook.control import tokens
from rollbook.control.confirmation import gateway_admits
from rollbook.control.tokens import Terms, TokenRow
from rollbook.durations import parse_duration
from rollbook.roots.operator import Operation, operating
from rollbook.settings import Settings
from rollbook_gateway.admission.scopes import EVERYTHING, SCOPES, Scope
from rollbook_gateway.admission.tokens import Token, new_token

app = typer.Typer(
    help="Tokens and OAuth clients: what identity providers present beside the Tenant URL.", no_args_is_help=True
)

TenantName = Annotated[str, typer.Option("--tenant", help="The tenant's name.")]
KeyId = Annotated[
    str, typer.Argument(help="The key id: the part between rb_ and the second _, or the client id.", metavar="KEYID")
]
Label = Annotated[str, typer.Option(help="What the token is for, for your own memory.")]
Scopes = Annotated[
    Optional[list[str]],  # noqa: UP045  # typer reads the annotation
    typer.Option(
        "--scope",
        help="What it may do; repeat it. users, groups: read and write them; read: read both. None given: users and "
        "groups.",
        metavar="|".join(SCOPES),
        show_default=False,
    ),
]


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


ExpiresIn = Annotated[
    Optional[timedelta],  # noqa: UP045  # typer reads the annotation
    typer.Option(help="When it ends, as 90d or 24h. None given: never.", parser=_duration, metavar="90d"),
]
OAuth = Annotated[bool, typer.Option("--oauth", help="Issue an OAuth client id and secret in place of a token.")]
COLUMNS = ("key_id", "kind", "state", "label", "scopes", "created_at", "expires_at", "last_used_at")


@app.command()
def issue(  # noqa: PLR0913, PLR0917  # one parameter for each option of the command
    tenant: TenantName,
    label: Label = "",
    scope: Scopes = None,
    expires_in: ExpiresIn = None,
    oauth: OAuth = False,
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Issue a token beside those there are. It is shown once, now."""
    allowed = _scopes(scope)

    async def command(settings: Settings) -> Row:
        async with operating(settings) as operation:
            row = await operation.tenants().get(tenant)
            token, now = new_token(), datetime.now(UTC)
            terms = _terms(now, allowed, expires_in, oauth=oauth)
            await tokens.issue(operation.connection, row.tenant, token, label=label, now=now, terms=terms)
            return _issued(operation, row.name, token, terms)

    _show_once(run_command(data, command), as_json=as_json)


@app.command("list")
def list_all(tenant: TenantName, data: options.Data = None, as_json: options.Json = False) -> None:
    """List a tenant's tokens and OAuth clients, without their secrets."""

    async def command(settings: Settings) -> list[Row]:
        async with operating(settings) as operation:
            row = await operation.tenants().get(tenant)
            now = datetime.now(UTC)
            return [_listed(token, now) for token in await tokens.tokens(operation.connection, row.tenant)]

    print_rows(run_command(data, command), as_json=as_json, columns=COLUMNS)


@app.command()
def revoke(key_id: KeyId, data: options.Data = None, as_json: options.Json = False) -> None:
    """End a token, or an OAuth client with its access tokens: gateways stop admitting it within a second."""

    async def command(settings: Settings) -> None:
        async with operating(settings) as operation:
            await tokens.revoke(operation.connection, key_id, now=datetime.now(UTC))

    run_command(data, command)
    if as_json:
        print_rows([{"key_id": key_id, "state": "revoked"}], as_json=True)
    say(f"Token {key_id} is revoked.")


@app.command()
def regenerate(  # noqa: PLR0913, PLR0917  # one parameter for each option of the command
    tenant: TenantName,
    label: Label = "regenerated",
    scope: Scopes = None,
    expires_in: ExpiresIn = None,
    oauth: OAuth = False,
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """End all of a tenant's tokens and OAuth clients, and issue a new one: all others stop within a second."""
    allowed = _scopes(scope)

    async def command(settings: Settings) -> tuple[Row, bool]:
        async with operating(settings) as operation:
            row = await operation.tenants().get(tenant)
            token, now = new_token(), datetime.now(UTC)
            terms = _terms(now, allowed, expires_in, oauth=oauth)
            async with operation.connection.transaction():
                ended = await tokens.revoke_all(operation.connection, row.tenant, now=now)
                await tokens.issue(operation.connection, row.tenant, token, label=label, now=now, terms=terms)
            tenant_url = operation.tenant_url(row.name)
            known = await gateway_admits(tenant_url, _token_url(tenant_url), token, terms.kind)
            return {**_issued(operation, row.name, token, terms), "revoked": ended}, known

    issued, known = run_command(data, command)
    _show_once(issued, as_json=as_json)
    say(
        "The gateway at the Tenant URL admits only the new one now; any other gateway does so within a second."
        if known
        else "No gateway answered at the Tenant URL; those that run stop the old ones within a second.",
    )


@app.command()
def rotate(
    key_id: KeyId,
    overlap: Annotated[
        Optional[timedelta],  # noqa: UP045  # typer reads the annotation
        typer.Option(help="How long the old one works on. None given: 24h.", parser=_duration, metavar="24h"),
    ] = None,
    expires_in: Annotated[
        Optional[timedelta],  # noqa: UP045  # typer reads the annotation
        typer.Option(help="When the next one ends. None given: as long as the old one was to.", parser=_duration),
    ] = None,
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Issue the next token with the same label and scopes; the old one ends after the overlap."""

    async def command(settings: Settings) -> tuple[Row, TokenRow]:
        async with operating(settings) as operation:
            token = new_token()
            tenant, old, new = await tokens.rotate(
                operation.connection,
                key_id,
                token,
                overlap=tokens.OVERLAP if overlap is None else overlap,
                expires_in=expires_in,
                now=datetime.now(UTC),
            )
            names = {row.tenant: row.name for row in await operation.tenants().all()}
            issued = _issued(operation, names[tenant], token, Terms(new.kind, new.scopes, new.expires_at))
            return {**issued, "replaces": key_id, "old_expires_at": _time(old.expires_at)}, old

    issued, old = run_command(data, command)
    _show_once(issued, as_json=as_json)
    say(f"The old one, {key_id}, works until {_time(old.expires_at)}.")


def _terms(now: datetime, scopes: Collection[Scope], expires_in: timedelta | None, *, oauth: bool) -> Terms:
    return Terms("client" if oauth else "token", scopes, now + expires_in if expires_in is not None else None)


def _scopes(given: list[str] | None) -> Collection[Scope]:
    wrong = [scope for scope in given or () if scope not in SCOPES]
    if wrong:
        raise typer.BadParameter(f"{wrong[0]!r} is no scope; use {', '.join(SCOPES)}", param_hint="--scope")
    return frozenset(cast("list[Scope]", given)) if given else EVERYTHING


def _issued(operation: Operation, tenant: str, token: Token, terms: Terms) -> Row:
    tenant_url = operation.tenant_url(tenant)
    secrets = (
        {"token_url": _token_url(tenant_url), "client_id": token.key_id, "client_secret": token.secret}
        if terms.kind == "client"
        else {"token": str(token)}
    )
    return {
        "tenant_url": tenant_url,
        **secrets,
        "key_id": token.key_id,
        "scopes": [scope for scope in SCOPES if scope in terms.scopes],
        "expires_at": _time(terms.expires_at),
    }


def _token_url(tenant_url: str) -> str:
    return f"{tenant_url.removesuffix('/v2')}/oauth/token"


def _listed(token: TokenRow, now: datetime) -> Row:
    return {
        "key_id": token.key_id,
        "kind": token.kind,
        "state": token.state(now),
        "label": token.label,
        "scopes": token.scopes,
        "created_at": _time(token.created_at),
        "expires_at": _time(token.expires_at),
        "last_used_at": _time(token.last_used_at),
        "revoked_at": _time(token.revoked_at),
        "replaced_by": token.replaced_by,
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment is not None else None


def _show_once(issued: Row, *, as_json: bool) -> None:
    if as_json:
        print_rows([issued], as_json=True)
        return
    print_rows(({"": name, " ": value} for name, value in issued.items()), as_json=False)
    say("Keep the secret: it is not shown again.")
