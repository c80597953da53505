"""Golden files: what was once written to a stream is read for ever, so the files are added to and never changed."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rollbook_contracts.changes.catalog import CHANGES
from rollbook_contracts.changes.envelope import change_headers, decode_change
from rollbook_contracts.facts.catalog import FACTS
from rollbook_contracts.facts.codec import decode_envelope, decode_fact, encode
from rollbook_contracts.facts.upcasters import UPCASTERS
from rollbook_contracts.requests.codec import REQUESTS, RequestsAnswered, decode_page, encode_page, page_headers
from rollbook_contracts.requests.entry import Entry

GOLDEN = Path(__file__).parent / "golden"
FACT_FILES = sorted((GOLDEN / "facts").glob("*.json"))
CHANGE_FILES = sorted((GOLDEN / "changes").glob("*.json"))
REQUEST_FILES = sorted((GOLDEN / "requests").glob("*.json"))

BINARY_MODE = re.compile(r"[!#$&-~]*")
"""What the CloudEvents NATS binding leaves as it stands; all else it would percent-encode."""
NEVER_SET = {"user.claims_changed.v1": {"changed"}}
"""Fields that a type has from its family and that none of its facts fills."""
REQUIRED = {"ce-specversion", "ce-id", "ce-type", "ce-source"}


def stored(path: Path) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a golden message."""
    message = json.loads(path.read_text(encoding="utf-8"))
    return message["headers"], message["body"].encode()


def type_of(path: Path) -> str:
    """Return the wire type that a golden file is about; what follows a dash in its name tells several apart."""
    return path.stem.partition("-")[0]


def test_golden_files_are_as_they_were() -> None:
    """No file was changed, none was taken away, and a new one is entered in the ledger."""
    ledger = json.loads((GOLDEN / "ledger.json").read_text(encoding="utf-8"))
    present = {
        f"{path.parent.name}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in [*FACT_FILES, *CHANGE_FILES, *REQUEST_FILES]
    }

    assert present == ledger


def test_every_type_and_version_has_a_golden_file() -> None:
    """A fact or a change without an example cannot be added; versions that are only read keep theirs."""
    assert {type_of(path) for path in FACT_FILES} == FACTS.keys() | UPCASTERS.keys()
    assert {type_of(path) for path in CHANGE_FILES} >= CHANGES.keys()
    assert {type_of(path) for path in REQUEST_FILES} == REQUESTS.keys()


@pytest.mark.parametrize("path", FACT_FILES, ids=type_of)
def test_golden_fact_is_read_and_written_as_it_stands(path: Path) -> None:
    """A stored fact is read; written again it is the same, header by header and byte by byte, unless it was lifted."""
    headers, body = stored(path)

    fact = decode_fact(headers, body)
    written = encode(fact, decode_envelope(headers))

    assert headers["ce-type"] == type_of(path)
    if type_of(path) not in UPCASTERS:
        assert written == (headers, body)


@pytest.mark.parametrize("path", CHANGE_FILES, ids=type_of)
def test_golden_change_is_read_and_written_as_it_stands(path: Path) -> None:
    """A published change is read; written again it is the same, header by header and byte by byte."""
    headers, body = stored(path)

    change = decode_change(headers, body)

    assert msgspec.json.encode(change) == body
    assert headers == change_headers(
        headers["ce-id"],
        wire_type=type_of(path),
        tenant=change.tenant,
        resource=change.id,
        time=headers["ce-time"],
        request_id=headers["ce-requestid"],
    )


@pytest.mark.parametrize("path", REQUEST_FILES, ids=type_of)
def test_golden_page_of_requests_is_read_and_written_as_it_stands(path: Path) -> None:
    """A page of the provisioning log is read; written again it is the same, and its entries show every field."""
    headers, body = stored(path)

    page = decode_page(headers, body)

    assert encode_page(page) == (len(page.entries), body)
    assert headers == page_headers(headers["ce-id"], gateway=page.gateway, time=headers["ce-time"])
    assert json.loads(body).keys() == set(fields_of(RequestsAnswered))
    assert {name for entry in json.loads(body)["entries"] for name in entry} == set(fields_of(Entry))


@pytest.mark.parametrize(
    "path", [*FACT_FILES, *CHANGE_FILES, *REQUEST_FILES], ids=lambda path: f"{path.parent.name}/{type_of(path)}"
)
def test_headers_are_cloudevents_in_binary_mode(path: Path) -> None:
    """Each attribute is a ``ce-`` header of plain ASCII, the required ones are there, the body is JSON."""
    headers, body = stored(path)

    assert headers.keys() >= REQUIRED
    assert {name for name in headers if not re.fullmatch(r"ce-[a-z0-9]{1,20}", name)} <= {"content-type"}
    assert all(BINARY_MODE.fullmatch(value) for value in headers.values())
    assert all(headers[name] for name in REQUIRED)
    assert headers["ce-specversion"] == "1.0"
    json.loads(body)


@pytest.mark.parametrize("wire_type", FACTS)
def test_golden_files_show_every_field(wire_type: str) -> None:
    """Among the examples of a type each of its fields has a value once."""
    shown: set[str] = set()
    for path in FACT_FILES:
        if type_of(path) == wire_type:
            shown |= json.loads(stored(path)[1]).keys()

    assert shown == set(fields_of(FACTS[wire_type])) - NEVER_SET.get(wire_type, set())


def fields_of(fact: type[msgspec.Struct]) -> list[Any]:
    """Return the names of a fact's fields on the wire."""
    return [field.encode_name for field in msgspec.structs.fields(fact)]
