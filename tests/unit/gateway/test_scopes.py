"""Scopes: which requests a token that may not do everything gets answered."""

import pytest

from rollbook_gateway.admission.scopes import EVERYTHING, Scope, allows

V2 = "/scim/{tenant}/v2"
USERS, USER = f"{V2}/Users", f"{V2}/Users/{{id}}"
GROUPS, GROUP = f"{V2}/Groups", f"{V2}/Groups/{{id}}"

READS_OF_USERS = [
    ("GET", USERS),
    ("HEAD", USERS),
    ("GET", USER),
    ("POST", f"{USERS}/.search"),
]
READS_OF_BOTH = [("POST", f"{V2}/.search")]
WRITES_OF_USERS = [("POST", USERS), ("PUT", USER), ("PATCH", USER), ("DELETE", USER)]
READS_OF_GROUPS = [("GET", GROUPS), ("GET", GROUP), ("POST", f"{GROUPS}/.search")]
WRITES_OF_GROUPS = [("POST", GROUPS), ("PUT", GROUP), ("PATCH", GROUP), ("DELETE", GROUP)]
OF_SERVICE = [("GET", f"{V2}/ServiceProviderConfig"), ("GET", f"{V2}/Schemas/{{id}}"), ("GET", f"{V2}/ResourceTypes")]
ALL = [
    *READS_OF_USERS,
    *WRITES_OF_USERS,
    *READS_OF_GROUPS,
    *WRITES_OF_GROUPS,
    *READS_OF_BOTH,
    *OF_SERVICE,
    ("POST", f"{V2}/Bulk"),
]


@pytest.mark.parametrize(
    ("granted", "allowed"),
    [
        (EVERYTHING, ALL),
        ({"users"}, [*READS_OF_USERS, *WRITES_OF_USERS, *OF_SERVICE]),
        ({"groups"}, [*READS_OF_GROUPS, *WRITES_OF_GROUPS, *OF_SERVICE]),
        ({"read"}, [*READS_OF_USERS, *READS_OF_GROUPS, *READS_OF_BOTH, *OF_SERVICE]),
        ({"users", "read"}, [*READS_OF_USERS, *WRITES_OF_USERS, *READS_OF_GROUPS, *READS_OF_BOTH, *OF_SERVICE]),
        (set(), OF_SERVICE),
    ],
    ids=["everything", "users", "groups", "read", "users and read", "nothing"],
)
def test_a_token_does_what_its_scopes_say_and_nothing_else(granted: set[Scope], allowed: list[tuple[str, str]]) -> None:
    """users and groups read and write, read reads both, discovery is for all; what is not known is for nobody."""
    assert [route for route in ALL if allows(frozenset(granted), *route)] == [r for r in ALL if r in allowed]
