"""Whose request it is: by its User-Agent, its shape, or what its token was used for before."""

from typing import Any

import pytest

from rollbook_contracts.requests.entry import Provider
from rollbook_gateway.provisioning_log.provider import Providers, recognised

PLAIN = "/scim/acme/v2/Users"


@pytest.mark.parametrize(
    ("agent", "target", "message", "provider"),
    [
        ("Okta SCIM Client 1.0.0", PLAIN, None, "okta"),
        ("Microsoft-Azure-Provisioning/1.0", PLAIN, None, "entra"),
        (None, PLAIN, None, "entra"),
        ("", PLAIN, None, "entra"),
        ("curl/8.5", PLAIN, None, None),
        ("curl/8.5", "/scim/acme/v2/?aadOptscim062020/Users", None, "entra"),
        ("curl/8.5", "/scim/acme/v2/Users?aadOptscim062020&count=1", None, "entra"),
        ("curl/8.5", "/scim/acme/v2/AzureAdScimPatch2017/Users", None, "entra"),
        ("curl/8.5", PLAIN, {"Operations": [{"op": "Add", "path": "title", "value": "x"}]}, "entra"),
        ("curl/8.5", PLAIN, {"Operations": [{"op": "replace", "value": {"active": False}}]}, None),
        ("curl/8.5", PLAIN, {"Operations": ["nonsense", {"op": 7}, {}]}, None),
        ("curl/8.5", PLAIN, {"Operations": {"op": "Add"}}, None),
        ("curl/8.5", PLAIN, {"externalId": "00ujl29u0le5T6Aj10h7", "meta": {"resourceType": "User"}}, "okta"),
        ("curl/8.5", PLAIN, {"externalId": "ada", "meta": {"resourceType": "User"}}, "entra"),
        ("curl/8.5", PLAIN, {"meta": {"resourceType": "User", "version": "1"}}, None),
        ("curl/8.5", PLAIN, {"schemas": ["http://schemas.microsoft.com/2006/11/Res/ADSCIM/2.0/Group"]}, "entra"),
        ("curl/8.5", PLAIN, {"schemas": [7], "meta": "x", "externalId": 7}, None),
        (None, PLAIN, {"externalId": "00ujl29u0le5T6Aj10h7"}, "okta"),
        ("Okta SCIM Client 1.0.0", PLAIN, {"meta": {"resourceType": "User"}}, "okta"),
    ],
)
def test_signs(agent: str | None, target: str, message: dict[str, Any] | None, provider: Provider | None) -> None:
    """The User-Agent goes first, then the flag in the address, then the body; none of them, and Entra is meant."""
    assert recognised(agent, target, message) == provider


def test_request_without_a_sign_is_one_more_of_its_tokens() -> None:
    """A token serves one provider; until it has shown itself, and for other tokens, nobody knows."""
    providers = Providers()
    plain = {"agent": "client", "target": PLAIN, "message": None}

    assert providers.of("a", **plain) == "other"  # type: ignore[arg-type]  # as the call has them
    assert providers.of("a", agent="Okta SCIM Client 1.0.0", target=PLAIN, message=None) == "okta"
    assert providers.of("a", **plain) == "okta"  # type: ignore[arg-type]  # likewise
    assert providers.of("b", **plain) == "other"  # type: ignore[arg-type]  # likewise


def test_only_so_many_tokens_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that was recognised first is forgotten first."""
    monkeypatch.setattr("rollbook_gateway.provisioning_log.provider.REMEMBERED", 2)
    providers = Providers()
    for key_id in "abc":
        providers.of(key_id, agent=None, target=PLAIN, message=None)

    assert [providers.of(key_id, agent="client", target=PLAIN, message=None) for key_id in "abc"] == [
        "other",
        "entra",
        "entra",
    ]
