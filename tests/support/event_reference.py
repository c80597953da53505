"""Makes docs/events.md from the catalogs of facts and changes; run as a program it writes the page anew."""

import inspect
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from rollbook_contracts.changes.catalog import CHANGES
from rollbook_contracts.facts.catalog import FACTS
from rollbook_contracts.facts.user import ClaimHeld
from rollbook_contracts.requests.codec import REQUESTS
from rollbook_contracts.requests.entry import Entry
from rollbook_contracts.settings import CustomField, RateLimit, TenantSettings

ROOT: Final = Path(__file__).parents[2]
DOCUMENT: Final = ROOT / "docs" / "events.md"
GOLDEN: Final = ROOT / "tests" / "contract" / "golden"

_HEAD: Final = """# Events

Made from `contracts/rollbook_contracts` by `.venv/bin/python tests/support/event_reference.py`; a test fails where it
is not current. How each event looks on the wire is kept in `tests/contract/golden`.

Every event is a CloudEvents 1.0 event in binary mode: its attributes are NATS headers, its data is the JSON body.

| header | facts | changes |
|---|---|---|
| `ce-specversion` | `1.0` | `1.0` |
| `ce-id` | request id and place in the write, `req_….0` | epoch, partition, sequence, place: `1-03-1042-0` |
| `ce-type` | the type and version below | the type and version below |
| `ce-source` | `/rollbook/<tenant id>` | `/rollbook/<tenant id>` |
| `ce-subject` | id of the resource, hash of the claim, or partition | id of the resource |
| `ce-time` | when the gateway accepted the write | the same time of the fact |
| `ce-tenantid` | tenant id; empty for facts of a partition | tenant id |
| `ce-requestid` | correlation id of the request | the same of the fact |
| `ce-prev` | sequence of the fact before on the subject, 0 for the first | |
| `ce-replayed` | | `true` where `rollbook replay` sent it again |
| `content-type` | | `application/json` |
"""
_FACTS: Final = """
## Facts

What happened, in the streams `PROVISIONING-<pp>`: for Rollbook's own processes.
"""
_PARTS: Final = """
### Parts of facts
"""
_CHANGES: Final = """
## Changes

What became of it in the tables of the LMS, in stream `CHANGES`: for subscribers. Delivered at least once and in order;
`version` is the change's id, `previous` that of the change before of the same person, so that a gap shows.
"""
_REQUESTS: Final = """
## Requests

The provisioning log on its way to `provisioning.requests`, in stream `REQUESTS`, by the page: for Rollbook's own
processes. A record of requests, not a source of anything: no fact and no change follows from it, no replay or rebuild
touches it, and an entry may be lost. `ce-id` is the page's own, `ce-source` `/rollbook/gateways/<process>`, `ce-time`
the time it was sent; the stream keeps a page for seven days.
"""
_ENTRIES: Final = """
### Parts of pages
"""

_PARTS_OF_FACTS: Final = (ClaimHeld, TenantSettings, CustomField, RateLimit)


def event_reference() -> str:
    """Return the text of docs/events.md."""
    return "".join(
        [
            _HEAD,
            _FACTS,
            *_sections(FACTS, GOLDEN / "facts"),
            _PARTS,
            *[f"\n#### `{part.__name__}`\n\n{_description(part)}" for part in _PARTS_OF_FACTS],
            _CHANGES,
            *_sections(CHANGES, GOLDEN / "changes"),
            _REQUESTS,
            *_sections(REQUESTS, GOLDEN / "requests"),
            _ENTRIES,
            f"\n#### `Entry`\n\n{_description(Entry)}",
        ]
    )


def _sections(catalog: Mapping[str, type[msgspec.Struct]], examples: Path) -> Iterator[str]:
    for wire_type, event in catalog.items():
        body = json.loads(json.loads((examples / f"{wire_type}.json").read_text(encoding="utf-8"))["body"])
        example = json.dumps(body, indent=2, ensure_ascii=False)
        yield f"\n### `{wire_type}`\n\n{_description(event)}\n```json\n{example}\n```\n"


def _description(event: type[msgspec.Struct]) -> str:
    fields = "".join(_field(field) for field in msgspec.structs.fields(event))
    return "\n".join([*_sentences(event), "| field | type | |", "|---|---|---|", fields])


def _sentences(event: type[msgspec.Struct]) -> Iterator[str]:
    """Yield what an event's class says, then what the classes say that it has its fields from."""
    for described in event.__mro__:
        if described is msgspec.Struct:
            return
        yield f"{inspect.cleandoc(described.__doc__ or '').replace('``', '`')}\n"


def _field(field: Any) -> str:
    return f"| `{field.encode_name}` | {_type(field.type)} | {'' if field.required else 'may be left out'} |\n"


def _type(kind: Any) -> str:
    """Return a type in JSON's words, a class of ours by its name."""
    if kind in _JSON_TYPES:
        return _JSON_TYPES[kind]
    arguments = [
        argument for argument in getattr(kind, "__args__", ()) if argument not in (type(None), msgspec.UnsetType, ...)
    ]
    if getattr(kind, "__origin__", None) is tuple:
        return f"array of {_type(arguments[0])}"
    if getattr(kind, "__origin__", None) is Literal:
        return " or ".join(f"`{argument}`" for argument in arguments)
    return _type(arguments[0]) if arguments else f"`{kind.__name__}`"


_JSON_TYPES: Final[Mapping[Any, str]] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    msgspec.Raw: "object",
}


if __name__ == "__main__":
    DOCUMENT.write_text(event_reference(), encoding="utf-8")
