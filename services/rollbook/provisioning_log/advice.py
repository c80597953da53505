"""What an administrator can do about an entry, where its own text does not say it; pure."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from rollbook_contracts.requests.entry import Entry, Provider

_AGAIN: Final[Mapping[Provider, str]] = MappingProxyType(
    {
        "entra": "Entra sends it again in its next cycle, some 40 minutes later, or at once with Provision on demand.",
        "okta": "Okta lists it under Dashboard > Tasks: retry it there.",
        "other": "Have the provider send it again.",
    }
)
_ANEW: Final[Mapping[Provider, str]] = MappingProxyType(
    {
        "entra": "Choose Restart provisioning in Entra: it then looks everybody up anew.",
        "okta": "In Okta take the person or the group off the application and assign it again.",
        "other": "Have the provider look it up anew.",
    }
)
_MEND: Final = "Mend it in the identity provider. {again}"
_ADDRESS: Final = "Compare the Tenant URL in the identity provider with the one that `rollbook token issue` prints."
_DELETED: Final = "It is not here any more, but the identity provider still has its id. {anew}"
_OUTAGE: Final = "Nothing to mend at the provider, which repeats it. If it goes on, see `rollbook status`."
_BY_STATUS: Final[Mapping[int, str]] = MappingProxyType(
    {
        400: _MEND,
        403: "{again}",
        404: _ADDRESS,
        405: _ADDRESS,
        408: "Nothing to mend at the provider, which repeats it. If it goes on, look at the line between both, and at "
        "the proxy in it.",
        409: "Give one of the two another value in the identity provider. If both are one person, have the provider "
        "match people by this attribute, so that it finds whom it has. {again}",
        413: _MEND,
        429: "The provider repeats it. `rollbook tenant set --rate-limit` sets how much is allowed.",
        500: "A defect of Rollbook: report it with the correlation id.",
    }
)
_IGNORED: Final = re.compile(r"(?:unknown attribute|read-only).* ignored")


def advice(entry: Entry) -> str:
    """Return what to do about an entry; empty where there is nothing to do."""
    if entry.status == 404 and entry.resource_type in {"User", "Group"} and entry.resource_id:
        text = _DELETED
    else:
        text = _BY_STATUS.get(entry.status, _OUTAGE if entry.status > 500 else "")
    return text.format(again=_AGAIN[entry.provider], anew=_ANEW[entry.provider])


def advice_on_note(note: str) -> str:
    """Return what to do about a note; most need nothing to be done."""
    if _IGNORED.search(note):
        return "not stored: mend the name in the provider's attribute list, or remove the mapping"
    if " was read as " in note and note.startswith('"'):
        return "works; mend the name in the provider's attribute list when convenient"
    return ""
