"""What every answer of a kind must be, whatever the case: asserted once here, with what it holds as the value."""

from typing import Any

from support.scim import MEDIA_TYPE, Reply

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
LIST_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


def resource(reply: Reply, status: int = 200, kind: str = "User") -> dict[str, Any]:
    """Return the resource of an answer that must be a whole one."""
    assert reply.status == status, reply
    assert reply.headers["Content-Type"].startswith(MEDIA_TYPE)
    body: dict[str, Any] = reply.body
    assert body["meta"]["resourceType"] == kind
    assert body["meta"]["location"].endswith(f"/{kind}s/{body['id']}")
    assert reply.headers["ETag"] == body["meta"]["version"]
    assert f"urn:ietf:params:scim:schemas:core:2.0:{kind}" in body["schemas"]
    return body


def created(reply: Reply, kind: str = "User") -> dict[str, Any]:
    """Return what a POST made."""
    body = resource(reply, 201, kind)
    assert reply.headers["Location"] == body["meta"]["location"]
    return body


def listed(reply: Reply) -> list[dict[str, Any]]:
    """Return the resources of an answer that must be a list in which every number is a whole one."""
    assert reply.status == 200, reply
    assert reply.headers["Content-Type"].startswith(MEDIA_TYPE)
    assert reply.body["schemas"] == [LIST_RESPONSE]
    assert [type(reply.body[name]) for name in ("totalResults", "startIndex", "itemsPerPage")] == [int, int, int]
    resources: list[dict[str, Any]] = reply.body.get("Resources", [])
    assert reply.body["itemsPerPage"] == len(resources)
    assert reply.body["totalResults"] >= len(resources)
    return resources


def nobody(reply: Reply) -> None:
    """Assert that an answer is a list with nothing in it."""
    assert listed(reply) == []
    assert reply.body["totalResults"] == 0
    assert reply.body["Resources"] == []


def ids(reply: Reply) -> list[str]:
    """Return the ids in a list."""
    return [found["id"] for found in listed(reply)]


def refused(reply: Reply, status: int, scim_type: str | None = None, *said: str) -> None:
    """Assert that an answer is a SCIM error whose detail says certain words."""
    assert reply.status == status, reply
    assert reply.headers["Content-Type"].startswith(MEDIA_TYPE)
    assert reply.body["schemas"] == [ERROR]
    assert reply.body["status"] == str(status)
    assert reply.body.get("scimType") == scim_type
    assert reply.body["detail"]
    assert [word for word in said if word not in reply.body["detail"]] == []


def no_content(reply: Reply) -> None:
    """Assert that an answer is 204 without a body."""
    assert (reply.status, reply.body) == (204, None), reply


def version(body: dict[str, Any]) -> int:
    """Return the number in a person's version."""
    return int(body["meta"]["version"].removeprefix('W/"').rstrip('"'))
