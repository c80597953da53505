"""`rollbook users`: people as the LMS sees them."""

from typing import Annotated

import typer

from rollbook.cli import options
from rollbook.cli.output import print_rows
from rollbook.cli.running import run_command
from rollbook.roots.operator import operating
from rollbook.settings import Settings
from rollbook_contracts.folding import fold_name

_QUERY = """
SELECT tenant_name, tenant, id, user_name, display_name, given_name, family_name, email, employee_id, external_id,
       active, region, division, department, hire_date, custom_field1, custom_field2, custom_field3, custom_field4,
       manager_id, created, last_modified, fact_seq
FROM lms.users JOIN (SELECT tenant, name AS tenant_name FROM lms.tenants) AS names USING (tenant)
WHERE ($1::text IS NULL OR tenant_name = $1) AND ($2::text IS NULL OR user_name_folded = $3 OR id = $2)
ORDER BY tenant, id LIMIT $4
"""
SHOWN = ("tenant_name", "user_name", "display_name", "email", "active", "region", "department", "id")


def users(
    tenant: options.Tenant = None,
    name: Annotated[
        str | None,
        typer.Option("--name", help="Only the person with this userName or id.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many rows.", min=1)] = 1_000_000,
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Show the rows of lms.users: the people as the LMS sees them."""

    async def command(settings: Settings) -> list[dict[str, object]]:
        async with operating(settings) as operation:
            if tenant is not None:
                await operation.tenants().get(tenant)
            return [
                dict(row)
                for row in await operation.connection.fetch(_QUERY, tenant, name, name and fold_name(name), limit)
            ]

    print_rows(run_command(data, command), as_json=as_json, columns=SHOWN)
