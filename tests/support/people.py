"""People as Entra and Okta send them; the shapes of the wire checklist."""

from typing import Any

from rollbook_contracts.urns import ENTERPRISE, ILMS, USER


def ada(**changes: Any) -> dict[str, Any]:
    """Return a person as Entra creates one; ``None`` takes an attribute away."""
    body = {
        "schemas": [USER, ENTERPRISE],
        "externalId": "ada",
        "userName": "ada@contoso.com",
        "active": True,
        "displayName": "Ada L",
        "emails": [{"primary": True, "type": "work", "value": "ada@contoso.com"}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "Ada L", "familyName": "L", "givenName": "Ada"},
        ILMS: {"region": "US-East"},
    }
    return _changed(body, changes)


def jo(**changes: Any) -> dict[str, Any]:
    """Return a person as Okta's wizard app creates one; ``None`` takes an attribute away."""
    body = {
        "schemas": [USER],
        "userName": "jo@okta.local",
        "name": {"givenName": "Jo", "familyName": "K"},
        "emails": [{"primary": True, "value": "jo@okta.local", "type": "work"}],
        "displayName": "Jo K",
        "locale": "en-US",
        "externalId": "00ujl29u0le5T6Aj10h7",
        "groups": [],
        "password": "1mz050nq",
        "active": True,
        ILMS: {"region": "US-East"},
    }
    return _changed(body, changes)


def somebody(number: int, **changes: Any) -> dict[str, Any]:
    """Return one of many people, told apart by a number."""
    name = f"p{number}@contoso.com"
    emails = [{"primary": True, "type": "work", "value": name}]
    return ada(**{"userName": name, "externalId": f"x{number}", "emails": emails, **changes})


def _changed(body: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**body, **changes}.items() if value is not None}
