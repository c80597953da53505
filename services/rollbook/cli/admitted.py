"""A token for as long as a command speaks to the gateway as a provider does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from rollbook.control import tokens
from rollbook.control.tenants import TenantRow
from rollbook.roots.operator import Operation
from rollbook_gateway.admission.tokens import new_token


@asynccontextmanager
async def admitted(operation: Operation, row: TenantRow, *, label: str) -> AsyncIterator[tuple[str, str]]:
    """Issue a token for the block and revoke it afterwards; hand out Tenant URL and token."""
    token = new_token()
    await tokens.issue(operation.connection, row.tenant, token, label=label, now=datetime.now(UTC))
    try:
        yield operation.tenant_url(row.name), str(token)
    finally:
        await tokens.revoke(operation.connection, token.key_id, now=datetime.now(UTC))
