"""Whether the gateway at a Tenant URL knows a new token already; asked by commands that end the ones before it."""

from typing import Final

import aiohttp

from rollbook.control.tokens import Kind
from rollbook_gateway.admission.client_credentials import GRANT
from rollbook_gateway.admission.tokens import Token

_SECONDS: Final = 2.0


async def gateway_admits(tenant_url: str, token_url: str, token: Token, kind: Kind) -> bool:
    """Present the token once: a gateway that admits one it has not seen looks at the tenant's others again."""
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS)) as session:
            if kind == "client":
                form = {"grant_type": GRANT, "client_id": token.key_id, "client_secret": token.secret}
                async with session.post(token_url, data=form) as response:
                    return response.status == 200
            headers = {"Authorization": f"Bearer {token}"}
            async with session.get(f"{tenant_url}/ServiceProviderConfig", headers=headers) as response:
                return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False
