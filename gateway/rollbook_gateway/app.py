"""Builds the gateway's application from the parts it is given; called by the composition root, nothing at import."""

from dataclasses import dataclass

from aiohttp import web

from rollbook_gateway.admission.directory import TokenDirectory
from rollbook_gateway.admission.gate import Gate
from rollbook_gateway.admission.rate_limit import RateLimits
from rollbook_gateway.edge.health import Health
from rollbook_gateway.edge.middleware import admitting, correlate, in_turn
from rollbook_gateway.edge.oauth import TokenEndpoint
from rollbook_gateway.edge.routes import Routes
from rollbook_gateway.requests.users import Users

MAX_BODY_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Parts:
    """What the composition root puts together for one gateway process."""

    directory: TokenDirectory
    limits: RateLimits
    gate: Gate
    tokens: TokenEndpoint
    users: Users
    health: Health
    public_url: str | None = None


def build_app(parts: Parts) -> web.Application:
    """Return the aiohttp application of the gateway."""
    around = [correlate, admitting(parts.directory), in_turn(parts.limits, parts.gate)]
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=around)
    parts.tokens.add_to(app)
    Routes(parts.users, parts.health, parts.public_url).add_to(app)
    return app
