"""One entry of the provisioning log: made by a gateway, stored by the projector, shown by `rollbook log`."""

from typing import Literal, TypeAlias

import msgspec

Provider: TypeAlias = Literal["entra", "okta", "other"]
Outcome: TypeAlias = Literal[
    "created", "updated", "deactivated", "reactivated", "deleted", "unchanged", "read", "refused", "failed"
]


class Entry(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, gc=False):
    """A request to a tenant's address and its answer; no secret, no body.

    ``time`` is when it came; ``keyId`` that of the token; ``resourceName`` what people know the resource by, or what
    a search looked for; ``refused`` is an answer of 4xx, ``failed`` one of 5xx; ``scimType`` and ``detail`` are those
    of the answer; ``notes`` say what was read otherwise than it was sent; ``changed`` names attributes. The facts
    stand in the tenant's partition from ``firstFact`` to ``lastFact``, one behind the other, 0 where there are none.
    """

    request_id: str
    time: str
    tenant: str
    key_id: str
    provider: Provider
    method: str
    resource_type: str = ""
    resource_id: str = ""
    resource_name: str = ""
    outcome: Outcome
    status: int
    scim_type: str = ""
    detail: str = ""
    changed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    first_fact: int = 0
    last_fact: int = 0
    milliseconds: float
