"""All addresses of the gateway, on one screen; each handler reads the HTTP request and calls a request by its name."""

from dataclasses import dataclass

import msgspec
from aiohttp import web

from rollbook_gateway.edge.bodies import BODY, ROOT
from rollbook_gateway.edge.health import Health
from rollbook_gateway.edge.middleware import REQUEST_ID, TENANT, respond
from rollbook_gateway.edge.recording import DRAFT
from rollbook_gateway.requests.caller import Caller, answer
from rollbook_gateway.requests.everything import Everything
from rollbook_gateway.requests.groups import Groups, shown_of_group
from rollbook_gateway.requests.search_request import Query, from_parameters
from rollbook_gateway.requests.users import Users, shown_attributes
from rollbook_gateway.scim import discovery
from rollbook_gateway.scim.rendering import Projection


@dataclass(frozen=True, slots=True)
class Routes:
    """The handlers; ``public_url`` is the address that clients use where it is not the one in their requests."""

    users: Users
    groups: Groups
    everything: Everything
    health: Health
    public_url: str | None = None

    def add_to(self, app: web.Application) -> None:
        """Register every address."""
        router = app.router
        router.add_post(f"{ROOT}/Users", self.create_user)
        router.add_get(f"{ROOT}/Users", self.list_users)
        router.add_post(f"{ROOT}/Users/.search", self.search_users)
        router.add_post(f"{ROOT}/.search", self.search_everything)
        router.add_get(f"{ROOT}/Users/{{id}}", self.get_user)
        router.add_put(f"{ROOT}/Users/{{id}}", self.replace_user)
        router.add_patch(f"{ROOT}/Users/{{id}}", self.patch_user)
        router.add_delete(f"{ROOT}/Users/{{id}}", self.delete_user)
        router.add_post(f"{ROOT}/Groups", self.create_group)
        router.add_get(f"{ROOT}/Groups", self.list_groups)
        router.add_post(f"{ROOT}/Groups/.search", self.search_groups)
        router.add_get(f"{ROOT}/Groups/{{id}}", self.get_group)
        router.add_put(f"{ROOT}/Groups/{{id}}", self.replace_group)
        router.add_patch(f"{ROOT}/Groups/{{id}}", self.patch_group)
        router.add_delete(f"{ROOT}/Groups/{{id}}", self.delete_group)
        router.add_get(f"{ROOT}/ServiceProviderConfig", self.service_provider_config)
        router.add_get(f"{ROOT}/ResourceTypes", self.resource_types)
        router.add_get(f"{ROOT}/ResourceTypes/{{id}}", self.resource_type)
        router.add_get(f"{ROOT}/Schemas", self.schemas)
        router.add_get(f"{ROOT}/Schemas/{{id}}", self.schema)
        router.add_route("*", f"{ROOT}/Me", self.me)
        router.add_get("/livez", self.livez)
        router.add_get("/readyz", self.readyz)

    async def create_user(self, request: web.Request) -> web.Response:
        body = _body(request)
        return respond(await self.users.create(self._caller(request), body, _shown(request)))

    async def list_users(self, request: web.Request) -> web.Response:
        return respond(await self.users.list(self._caller(request), _query(request)))

    async def search_users(self, request: web.Request) -> web.Response:
        body = _body(request)
        return respond(await self.users.search(self._caller(request), body))

    async def search_everything(self, request: web.Request) -> web.Response:
        body = _body(request)
        return respond(await self.everything.search(self._caller(request), body))

    async def get_user(self, request: web.Request) -> web.Response:
        return respond(await self.users.get(self._caller(request), request.match_info["id"], _shown(request)))

    async def replace_user(self, request: web.Request) -> web.Response:
        body = _body(request)
        user_id = request.match_info["id"]
        return respond(await self.users.replace(self._caller(request), user_id, body, _shown(request)))

    async def patch_user(self, request: web.Request) -> web.Response:
        body = _body(request)
        user_id = request.match_info["id"]
        return respond(await self.users.patch(self._caller(request), user_id, body, _shown(request)))

    async def delete_user(self, request: web.Request) -> web.Response:
        return respond(await self.users.delete(self._caller(request), request.match_info["id"]))

    async def create_group(self, request: web.Request) -> web.Response:
        body = request[BODY]
        return respond(await self.groups.create(self._caller(request), body, _shown_of_group(request)))

    async def list_groups(self, request: web.Request) -> web.Response:
        return respond(await self.groups.list(self._caller(request), _query(request)))

    async def search_groups(self, request: web.Request) -> web.Response:
        body = _body(request)
        return respond(await self.groups.search(self._caller(request), body))

    async def get_group(self, request: web.Request) -> web.Response:
        group_id = request.match_info["id"]
        return respond(await self.groups.get(self._caller(request), group_id, _shown_of_group(request)))

    async def replace_group(self, request: web.Request) -> web.Response:
        body = request[BODY]
        group_id = request.match_info["id"]
        return respond(await self.groups.replace(self._caller(request), group_id, body, _shown_of_group(request)))

    async def patch_group(self, request: web.Request) -> web.Response:
        body = request[BODY]
        query = _query(request)
        shown = shown_of_group(query.attributes, query.excluded_attributes)
        asked = shown if query.attributes or query.excluded_attributes else None
        return respond(await self.groups.patch(self._caller(request), request.match_info["id"], body, asked))

    async def delete_group(self, request: web.Request) -> web.Response:
        return respond(await self.groups.delete(self._caller(request), request.match_info["id"]))

    async def me(self, _request: web.Request) -> web.Response:
        raise web.HTTPNotImplemented(
            reason="Nobody is meant by /Me: a token belongs to an organization. Find people by a filter on /Users.",
        )

    async def service_provider_config(self, request: web.Request) -> web.Response:
        _refuse_filter(request)
        return respond(answer(200, discovery.service_provider_config(self._base_url(request))))

    async def resource_types(self, request: web.Request) -> web.Response:
        _refuse_filter(request)
        return respond(answer(200, discovery.resource_types(self._base_url(request))))

    async def resource_type(self, request: web.Request) -> web.Response:
        _refuse_filter(request)
        return respond(answer(200, discovery.resource_type(request.match_info["id"], self._base_url(request))))

    async def schemas(self, request: web.Request) -> web.Response:
        _refuse_filter(request)
        return respond(answer(200, discovery.schemas(self._base_url(request), request[TENANT].settings)))

    async def schema(self, request: web.Request) -> web.Response:
        _refuse_filter(request)
        settings = request[TENANT].settings
        return respond(answer(200, discovery.schema(request.match_info["id"], self._base_url(request), settings)))

    async def livez(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "live"})

    async def readyz(self, _request: web.Request) -> web.Response:
        report = await self.health.report()
        return web.Response(
            status=200 if report.ready else 503,
            body=msgspec.json.encode(report),
            content_type="application/json",
        )

    def _caller(self, request: web.Request) -> Caller:
        return Caller(
            tenant=request[TENANT],
            request_id=request[REQUEST_ID],
            base_url=self._base_url(request),
            if_match=request.headers.get("If-Match"),
            if_none_match=request.headers.get("If-None-Match"),
            draft=request[DRAFT],
        )

    def _base_url(self, request: web.Request) -> str:
        origin = self.public_url or f"{request.scheme}://{request.host}"
        return f"{origin}/scim/{request.match_info['tenant']}/v2"


def _body(request: web.Request) -> bytes:
    body: list[bytes] = request[BODY]
    return b"".join(body)


def _query(request: web.Request) -> Query:
    return from_parameters(request.query, request[DRAFT].notes)


def _refuse_filter(request: web.Request) -> None:
    """Refuse a filter on what a service provider says of itself (RFC 7644, 4): it is always shown whole."""
    if _query(request).filter is not None:
        raise web.HTTPForbidden(
            reason="A filter is not possible here, where everything is always shown. Send the request without one.",
        )


def _shown(request: web.Request) -> Projection:
    query = _query(request)
    return shown_attributes(query.attributes, query.excluded_attributes)


def _shown_of_group(request: web.Request) -> Projection:
    query = _query(request)
    return shown_of_group(query.attributes, query.excluded_attributes)
