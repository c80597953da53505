"""Builds the gateway's application from the parts it is given; called by the composition root, nothing at import."""

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from rollbook_gateway.admission.directory import TokenDirectory
from rollbook_gateway.admission.gate import Gate
from rollbook_gateway.admission.rate_limit import RateLimits
from rollbook_gateway.edge.bodies import Bodies
from rollbook_gateway.edge.health import Health
from rollbook_gateway.edge.middleware import admitting, correlating, in_turn, unencoded
from rollbook_gateway.edge.oauth import TokenEndpoint
from rollbook_gateway.edge.recording import recording
from rollbook_gateway.edge.refusals import Refusals
from rollbook_gateway.edge.routes import Routes
from rollbook_gateway.provisioning_log.reporter import Reporter
from rollbook_gateway.requests.everything import Everything
from rollbook_gateway.requests.groups import Groups
from rollbook_gateway.requests.users import Users


@dataclass(frozen=True, slots=True)
class Parts:
    """What the composition root puts together for one gateway process; ``now`` returns the time as RFC 3339."""

    directory: TokenDirectory
    limits: RateLimits
    bodies: Bodies
    gate: Gate
    tokens: TokenEndpoint
    users: Users
    groups: Groups
    health: Health
    reporter: Reporter
    refusals: Refusals
    now: Callable[[], str]
    public_url: str | None = None


def build_app(parts: Parts) -> web.Application:
    """Return the aiohttp application of the gateway."""
    around = [
        recording(parts.reporter, parts.now),
        correlating(parts.refusals),
        admitting(parts.directory),
        unencoded,
        in_turn(parts.limits, parts.bodies, parts.gate),
    ]
    app = web.Application(middlewares=around)
    parts.tokens.add_to(app)
    Routes(parts.users, parts.groups, Everything(parts.users, parts.groups), parts.health, parts.public_url).add_to(app)
    return app
