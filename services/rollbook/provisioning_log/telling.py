"""An entry, or a cycle, in words: what happened, what was wrong, what to do; for the command line."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from rollbook.provisioning_log.advice import advice, advice_on_note
from rollbook.provisioning_log.cycles import Cycle
from rollbook.provisioning_log.names import Names
from rollbook_contracts.requests.entry import Entry, Provider

CALLED: Final[Mapping[Provider, str]] = MappingProxyType({"entra": "Entra", "okta": "Okta", "other": "other"})
MOST_REASONS: Final = 5
_INDENT: Final = "    "
_EXTENSIONS: Final = "urn:ietf:params:scim:schemas:extension:"


def lines(entry: Entry, names: Names) -> Iterator[str]:
    """Yield an entry line by line: the first says what happened, the others why and what to do."""
    tenant = names.tenants.get(entry.tenant, entry.tenant)
    yield f"{entry.time[:19]}Z  {tenant}  {CALLED[entry.provider]}  {asked(entry)}  {answered(entry)}"
    if entry.detail:
        yield f"{_INDENT}{entry.detail}"
    if todo := advice(entry):
        yield f"{_INDENT}→ {todo}"
    for note in entry.notes:
        todo = advice_on_note(note)
        yield f"{_INDENT}note: {note.replace(_EXTENSIONS, '…:')}" + (f" ({todo})" if todo else "")
    if entry.detail:
        token = names.tokens.get(entry.key_id, entry.key_id)
        yield f"{_INDENT}token {token}, correlation id {entry.request_id}"


def asked(entry: Entry) -> str:
    """Return what was asked for."""
    kind = entry.resource_type
    if entry.resource_id or not kind:
        return " ".join(filter(None, [entry.method, kind, entry.resource_name or entry.resource_id]))
    if entry.outcome == "read" or entry.method == "GET":
        return f"{entry.method} {kind}s" + (f" looking for {entry.resource_name}" if entry.resource_name else "")
    return " ".join(filter(None, [entry.method, kind, entry.resource_name]))


def answered(entry: Entry) -> str:
    """Return what became of it."""
    if entry.outcome in ("refused", "failed"):
        return " ".join(filter(None, [f"{entry.outcome}: {entry.status}", entry.scim_type]))
    return f"{entry.outcome}: {', '.join(map(short, entry.changed))}" if entry.changed else entry.outcome


def short(attribute: str) -> str:
    """Return an attribute's name without the URN of its extension."""
    return attribute.rpartition(":")[2]


def row(entry: Entry, names: Names) -> dict[str, object]:
    """Return an entry as an object for scripts."""
    return {
        "tenant_name": names.tenants.get(entry.tenant),
        "token_label": names.tokens.get(entry.key_id),
        **msgspec.structs.asdict(entry),
        "advice": advice(entry),
    }


def cycle_lines(cycle: Cycle, tenant: str) -> Iterator[str]:
    """Yield a cycle line by line: when, how much of what, and why something was refused."""
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(cycle.outcomes.items()))
    ended = ", still going on" if cycle.running else f" to {cycle.end:%Y-%m-%dT%H:%M:%SZ}"
    yield (
        f"{cycle.start:%Y-%m-%dT%H:%M:%SZ}{ended}  {tenant}  {CALLED[cycle.provider]}  "
        f"{cycle.requests} requests: {outcomes}"
    )
    for detail, count in cycle.failures.most_common(MOST_REASONS):
        yield f"{_INDENT}{count} {'request' if count == 1 else 'requests'}: {detail}"
    if len(cycle.failures) > MOST_REASONS:
        yield f"{_INDENT}and {len(cycle.failures) - MOST_REASONS} other reasons: `rollbook log --failed` has them all"


def cycle_row(cycle: Cycle, tenant: str | None) -> dict[str, object]:
    """Return a cycle as an object for scripts."""
    return {
        "tenant_name": tenant,
        "tenant": cycle.tenant,
        "provider": cycle.provider,
        "start": cycle.start.isoformat(),
        "end": cycle.end.isoformat(),
        "running": cycle.running,
        "requests": cycle.requests,
        "outcomes": dict(cycle.outcomes),
        "methods": dict(cycle.methods),
        "failures": [{"detail": detail, "count": count} for detail, count in cycle.failures.most_common()],
    }
