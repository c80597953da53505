"""Builds the gateway's application from the parts it is given; called by the composition root, nothing at import."""

from dataclasses import dataclass

from aiohttp import web

from rollbook_gateway.admission.directory import TokenDirectory
from rollbook_gateway.edge.health import Health
from rollbook_gateway.edge.middleware import admitting, correlate
from rollbook_gateway.edge.routes import Routes
from rollbook_gateway.requests.everything import Everything
from rollbook_gateway.requests.groups import Groups
from rollbook_gateway.requests.users import Users

MAX_BODY_BYTES = 1024 * 1024
"""Of users and searches; groups have a limit of their own, at their routes."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the composition root puts together for one gateway process."""

    directory: TokenDirectory
    users: Users
    groups: Groups
    health: Health
    public_url: str | None = None


def build_app(parts: Parts) -> web.Application:
    """Return the aiohttp application of the gateway."""
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[correlate, admitting(parts.directory)])
    Routes(parts.users, parts.groups, Everything(parts.users, parts.groups), parts.health, parts.public_url).add_to(app)
    return app
