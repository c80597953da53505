"""Builds the gateway's application from the parts it is given; called by the composition root, nothing at import."""

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from rollbook_gateway.admission.directory import TokenDirectory
from rollbook_gateway.admission.gate import Gate
from rollbook_gateway.admission.rate_limit import RateLimits
from rollbook_gateway.edge.health import Health
from rollbook_gateway.edge.middleware import admitting, correlate, in_turn
from rollbook_gateway.edge.oauth import TokenEndpoint
from rollbook_gateway.edge.recording import recording
from rollbook_gateway.edge.routes import Routes
from rollbook_gateway.provisioning_log.reporter import Reporter
from rollbook_gateway.requests.everything import Everything
from rollbook_gateway.requests.groups import Groups
from rollbook_gateway.requests.users import Users

MAX_BODY_BYTES = 1024 * 1024
"""Of users and searches; groups have a limit of their own, at their routes."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the composition root puts together for one gateway process; ``now`` returns the time as RFC 3339."""

    directory: TokenDirectory
    limits: RateLimits
    gate: Gate
    tokens: TokenEndpoint
    users: Users
    groups: Groups
    health: Health
    reporter: Reporter
    now: Callable[[], str]
    public_url: str | None = None


def build_app(parts: Parts) -> web.Application:
    """Return the aiohttp application of the gateway."""
    around = [
        recording(parts.reporter, parts.now),
        correlate,
        admitting(parts.directory),
        in_turn(parts.limits, parts.gate),
    ]
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=around)
    parts.tokens.add_to(app)
    Routes(parts.users, parts.groups, Everything(parts.users, parts.groups), parts.health, parts.public_url).add_to(app)
    return app
