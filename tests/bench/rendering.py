"""Requests as bytes: new Entra-shaped people, activation and deactivation, filters by userName."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Final
from urllib.parse import quote_plus, urlsplit

import msgspec

from rollbook.demo.directory import Organization, Person, person
from rollbook.demo.entra_mapping import attributes, create_body
from rollbook.demo.entra_patch import patch_body

ORGANIZATION: Final = Organization("bench.example", seed=1, employee_prefix="9")
TEMPLATES: Final = 200
_PLACE: Final = "000000000"


class Endpoint(msgspec.Struct, frozen=True):
    """Where requests go, and as whom."""

    tenant_url: str
    token: str

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.tenant_url)
        return parts.hostname or "", parts.port or 80

    def head(self, method: str, path: str) -> bytes:
        """Return the request line and the headers that all requests have, open at the end."""
        parts = urlsplit(self.tenant_url)
        return (
            f"{method} {parts.path}/{path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Authorization: Bearer {self.token}\r\nAccept: application/scim+json\r\n"
        ).encode()


def creations(endpoint: Endpoint, first: int) -> Iterator[bytes]:
    """Render POSTs of ever new people, numbered from ``first``: what must be unique holds the number."""
    head = endpoint.head("POST", "Users") + b"Content-Type: application/scim+json\r\n"
    templates = [with_body(head, body).split(_PLACE.encode()) for body in (_body(n) for n in range(TEMPLATES))]
    for number in itertools.count(first):
        yield (b"%09d" % number).join(templates[number % TEMPLATES])


def toggles(endpoint: Endpoint, ids: Sequence[str]) -> Iterator[bytes]:
    """Render PATCHes in Entra's default form: round after round all people are deactivated, then reactivated."""
    for active in itertools.cycle((False, True)):
        body = msgspec.json.encode(patch_body({"active": active}, {"active": not active}, "default"))
        for user_id in ids:
            head = endpoint.head("PATCH", f"Users/{user_id}") + b"Content-Type: application/scim+json\r\n"
            yield with_body(head, body)


def matches(endpoint: Endpoint, count: int, step: int = 7919) -> Iterator[bytes]:
    """Render filters by userName, all over the first ``count`` people; ``step`` is no divisor of the count."""
    for number in itertools.count(0, step):
        query = f'Users?filter=userName+eq+"{quote_plus(user_name(number % count))}"'
        yield endpoint.head("GET", query) + b"\r\n"


def user_name(number: int) -> str:
    """Return the userName of a person that ``creations`` renders."""
    return _template(number % TEMPLATES).user_name.replace(_PLACE, f"{number:09d}")


def body_of(number: int) -> bytes:
    """Return the POST body of a person that ``creations`` renders."""
    return _body(number % TEMPLATES).replace(_PLACE.encode(), b"%09d" % number)


@cache
def _body(template: int) -> bytes:
    return msgspec.json.encode(create_body(attributes(_template(template))))


@cache
def _template(number: int) -> Person:
    """Return a made-up person with room for nine digits in what must be unique."""
    made_up = person(ORGANIZATION, number)
    return replace(
        made_up,
        user_name=f"{number}.{_PLACE}@{ORGANIZATION.domain}",
        email=f"Mail.{number}.{_PLACE}@mail.{ORGANIZATION.domain}",
        employee_number=f"{ORGANIZATION.employee_prefix}{_PLACE}",
        object_id=made_up.object_id[: -len(_PLACE)] + _PLACE,
    )


def with_body(head: bytes, body: bytes) -> bytes:
    """Close a request's head and put its body behind it."""
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
