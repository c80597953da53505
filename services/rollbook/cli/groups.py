"""`rollbook groups` and `rollbook group show`: groups and their members as the LMS sees them."""

from typing import Annotated

import typer

from rollbook.cli import options
from rollbook.cli.output import print_json, print_rows, print_text, say
from rollbook.cli.running import run_command
from rollbook.control import groups as tables
from rollbook.roots.operator import operating
from rollbook.settings import Settings

app = typer.Typer(help="One group: its head, its members, and who is waited for.", no_args_is_help=True)

SHOWN = ("tenant_name", "display_name", "external_id", "members", "waiting", "id")
MEMBER = ("user_name", "display_name", "active", "user_id")
PEOPLE_SHOWN = 1_000
"""Members that a table shows; JSON lines hold them all."""


def groups(
    tenant: options.Tenant = None,
    limit: Annotated[int, typer.Option(help="At most so many rows.", min=1)] = 1_000_000,
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Show the rows of lms.groups: each with how many people are members, active or not, and how many are waited for.

    `waiting` counts members whom the identity provider named before they were provisioned, or by a value that two
    people share. They become members by themselves; `rollbook pending` lists them.
    """

    async def command(settings: Settings) -> list[tables.Row]:
        async with operating(settings) as operation:
            if tenant is not None:
                await operation.tenants().get(tenant)
            return await tables.groups(operation.connection, tenant, limit=limit)

    print_rows(run_command(data, command), as_json=as_json, columns=SHOWN)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="The group's id (grp_…) or its displayName, in any case.")],
    tenant: options.Tenant = None,
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Show one group: its head, the people who are members, and the values that name nobody yet.

    With --json the first line is the head (`kind` group); one line follows for each member (`kind` member, with
    `by_id` true where the person's id was sent) and for each value that waits (`kind` waiting, `value` as it was sent).
    """
    most = None if as_json else PEOPLE_SHOWN

    async def command(settings: Settings) -> tables.GroupShown:
        async with operating(settings) as operation:
            if tenant is not None:
                await operation.tenants().get(tenant)
            return await tables.group(operation.connection, name, tenant, limit=most)

    found = run_command(data, command)
    if as_json:
        _print_lines(found)
    else:
        _print_tables(found)


def _print_lines(found: tables.GroupShown) -> None:
    print_json({"kind": "group", **found.head})
    for kind, rows in (("member", found.members), ("waiting", found.waiting)):
        for row in rows:
            print_json({"kind": kind, **row})


def _print_tables(found: tables.GroupShown) -> None:
    print_rows(({"": name, " ": value} for name, value in found.head.items()), as_json=False)
    for title, rows, count, columns in (
        ("Members", found.members, found.head["members"], MEMBER),
        ("Waiting", found.waiting, found.head["waiting"], ("value", "since")),
    ):
        if rows:
            print_text("", f"{title}: {count}")
            print_rows(rows, as_json=False, columns=columns)
        if isinstance(count, int) and len(rows) < count:
            say(f"These are the first {len(rows)} of {count}; --json shows all.")
