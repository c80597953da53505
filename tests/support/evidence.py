"""All that a deployment holds of people, read once, folded by rules of the tests' own; the audit compares the parts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import asyncpg
import msgspec
from nats.aio.client import Client
from nats.errors import TimeoutError as NothingWaitsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from rollbook.roots.operator import Operation

PersonKey: TypeAlias = tuple[str, str]
"""Tenant and id."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A message of a stream."""

    sequence: int
    subject: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class PersonFact:
    """A fact about a person; ``document`` is ``None`` where it says that the person is gone."""

    partition: int
    sequence: int
    tenant: str
    person: str
    type: str
    time: str
    request_id: str
    document: dict[str, Any] | None
    created: str

    @property
    def marker(self) -> str | None:
        """What the attempt that it stems from put into it."""
        return None if self.document is None else self.document.get("displayName")


@dataclass(frozen=True, slots=True)
class Change:
    """A change as it should stand in stream CHANGES, or does."""

    id: str
    type: str
    tenant: str
    person: str
    previous: str | None


@dataclass(slots=True)
class Fold:
    """What the log says: the people there are, the changes that led there, and who holds which claim."""

    facts: list[PersonFact] = field(default_factory=list)
    people: dict[PersonKey, tuple[PersonFact, str]] = field(default_factory=dict)
    """The last fact of each person and the id of the last change."""
    changes: dict[int, list[Change]] = field(default_factory=dict)
    """The changes of each partition, in order."""
    claims: dict[str, str] = field(default_factory=dict)
    """Claimed subject → who holds it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is stored where."""

    fold: Fold
    changes: list[Change]
    rows: list[asyncpg.Record]
    tenants: Mapping[str, str]
    """Name → id."""


async def read_evidence(operation: Operation) -> Evidence:
    """Read everything; the deployment should be at rest."""
    fold = Fold()
    for partition in range(operation.partitions):
        fold_partition(fold, partition, await entries(operation.nats, f"PROVISIONING-{partition:02d}"))
    changes = [_change(entry) for entry in await entries(operation.nats, "CHANGES", "lms.*.user.*")]
    rows = await operation.connection.fetch("SELECT * FROM lms.users ORDER BY tenant, id")
    tenants = dict(await operation.connection.fetch("SELECT name, tenant FROM lms.tenants"))
    return Evidence(fold, changes, rows, tenants)


async def entries(client: Client, stream: str, subject: str = ">", *, after: int = 0) -> list[Entry]:
    """Return what a stream holds on some subjects, in order."""
    jetstream = client.jetstream()
    config = ConsumerConfig(
        ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=after + 1
    )
    subscription = await jetstream.pull_subscribe(subject, stream=stream, config=config)
    pending = (await subscription.consumer_info()).num_pending or 0
    found: list[Entry] = []
    try:
        while len(found) < pending:
            for message in await subscription.fetch(min(1000, pending - len(found)), timeout=5):
                body = msgspec.json.decode(message.data) if message.data else None
                found.append(Entry(message.metadata.sequence.stream, message.subject, message.headers or {}, body))
    except NothingWaitsError:
        raise AssertionError(f"{stream} promised {pending} messages and gave {len(found)}") from None
    finally:
        await subscription.unsubscribe()
    return found


def own(changes: list[Entry]) -> list[Entry]:
    """Return the changes but for those of whose manager is who."""
    return [change for change in changes if not change.headers["ce-type"].startswith("user.manager_")]


def fold_partition(fold: Fold, partition: int, log: list[Entry]) -> None:
    """Add what one partition says."""
    epoch = 0
    changes = fold.changes.setdefault(partition, [])
    retried = {entry.body["sequence"] for entry in log if entry.headers["ce-type"] == "park.retried.v1"}
    waiting: dict[PersonKey, list[PersonFact]] = {}
    assert [entry.sequence for entry in log] == list(range(1, len(log) + 1)), f"partition {partition} has gaps"
    for entry in log:
        match entry.subject.split("."):
            case ["fact", _, "system"] if entry.headers["ce-type"] == "park.retried.v1":
                key = next(key for key, facts in waiting.items() if facts[0].sequence == entry.body["sequence"])
                changes += [
                    _apply(fold, fact, f"{epoch}-{partition:02d}-{entry.sequence}-{ordinal}")
                    for ordinal, fact in enumerate(waiting.pop(key))
                ]
            case ["fact", _, "system"]:
                epoch = entry.body.get("epoch", epoch)
            case ["claim", _, _, "displayName", _]:
                pass  # of a group
            case ["claim", *_] if entry.headers["ce-type"] == "claim.taken.v1":
                fold.claims[entry.subject] = entry.body["holder"]
            case ["claim", *_]:
                del fold.claims[entry.subject]
            case ["fact", _, tenant, "user", person]:
                fact = _person_fact(partition, entry, tenant, person)
                fold.facts.append(fact)
                if entry.sequence in retried or (tenant, person) in waiting:
                    waiting.setdefault((tenant, person), []).append(fact)
                else:
                    changes.append(_apply(fold, fact, f"{epoch}-{partition:02d}-{entry.sequence}-0"))


def _person_fact(partition: int, entry: Entry, tenant: str, person: str) -> PersonFact:
    return PersonFact(
        partition,
        entry.sequence,
        tenant,
        person,
        entry.headers["ce-type"],
        entry.headers["ce-time"],
        entry.headers["ce-requestid"],
        entry.body.get("document"),
        entry.body.get("created", ""),
    )


def _apply(fold: Fold, fact: PersonFact, change_id: str) -> Change:
    key = (fact.tenant, fact.person)
    before, previous = fold.people.pop(key, (None, None))
    if fact.document is not None:
        fold.people[key] = (fact, change_id)
    return Change(change_id, f"user.{_what(before, fact)}.v1", fact.tenant, fact.person, previous)


def _what(before: PersonFact | None, fact: PersonFact) -> str:
    if fact.document is None:
        return "deleted"
    if before is None or before.document is None:
        return "created"
    match before.document.get("active", True), fact.document.get("active", True):
        case True, False:
            return "deactivated"
        case False, True:
            return "reactivated"
    return "updated"


def _change(entry: Entry) -> Change:
    _, tenant, _, person = entry.subject.split(".")
    assert (entry.headers["ce-tenantid"], entry.headers["ce-subject"]) == (tenant, person)
    assert (entry.body["tenant"], entry.body["id"], entry.body["version"]) == (tenant, person, entry.headers["ce-id"])
    return Change(entry.headers["ce-id"], entry.headers["ce-type"], tenant, person, entry.body.get("previous"))


def partition_of(change: Change) -> int:
    """Return the partition that a change's id names."""
    return int(change.id.split("-")[1])


def live_names(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Yield the tenant and the userName, without case, of each row."""
    for row in evidence.rows:
        yield row["tenant"], row["user_name"].casefold()
