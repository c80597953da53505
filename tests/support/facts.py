"""Logs as the gateway writes them, made in memory with known sequences, and put into real streams for the projector."""

import contextlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from nats.aio.client import Client

from rollbook_contracts import partitions, subjects
from rollbook_contracts.claims import ClaimKey
from rollbook_contracts.emails import principal_email
from rollbook_contracts.facts.catalog import Fact
from rollbook_contracts.facts.claim import ClaimReleased, ClaimTaken
from rollbook_contracts.facts.codec import encode
from rollbook_contracts.facts.envelope import Envelope, fact_id
from rollbook_contracts.facts.group import GroupCreated, GroupDeleted, GroupFact, GroupUpdated
from rollbook_contracts.facts.membership import (
    MembersAdded,
    MembersClosed,
    MembersRemoved,
    MembersReplaced,
    StagingAbandoned,
    StagingChunk,
    StagingCommitted,
)
from rollbook_contracts.facts.system import EpochStarted, ParkDiscarded, ParkRetried
from rollbook_contracts.facts.tenant import TenantCreated, TenantDisabled, TenantFact
from rollbook_contracts.facts.user import (
    ClaimHeld,
    UserClaimsChanged,
    UserCreated,
    UserDeactivated,
    UserDeleted,
    UserFact,
    UserReactivated,
    UserUpdated,
)
from rollbook_contracts.folding import fold
from rollbook_contracts.settings import TenantSettings
from rollbook_contracts.streams import StreamDefinition, Topology, provisioning
from rollbook_contracts.urns import ILMS
from rollbook_projector.outbox.atomic import EXPECTED, MOST, Outgoing, publish_atomically
from rollbook_projector.recorded import LogMessage
from rollbook_projector.writes import BATCH, COMMIT

Claimed = tuple[subjects.ClaimAttribute, str]
"""A unique value: attribute and hash."""
CLAIM_KEY = ClaimKey(b"0" * 32)
TENANT = "ten_a"


def topology(count: int = 1) -> Topology:
    """Return a deployment of ``count`` partitions on one server."""
    return Topology(count, 1, CLAIM_KEY.fingerprint, partitions.FUNCTION)


class Script:
    """One partition's log, written by one writer from its first message on."""

    def __init__(self, partition: int = 0, tenant: str = TENANT) -> None:
        self.partition = partition
        self.tenant = tenant
        self.messages: list[LogMessage] = []
        self.published = 0
        self.requests = "req"
        """What request ids begin with: two logs that part at some place have different ones behind it."""
        self._last: dict[str, int] = {}
        self._held: dict[str, tuple[ClaimHeld, ...]] = {}
        self._documents: dict[str, dict[str, Any]] = {}
        self._created: dict[str, str] = {}
        self._chunks: dict[tuple[str, str], int] = {}
        self._request = ""
        self._batch = ""

    @property
    def head(self) -> int:
        return len(self.messages)

    @contextlib.contextmanager
    def batch(self) -> Iterator[None]:
        """Store what is appended as one atomic batch."""
        if self._batch:
            yield
            return
        self._batch = f"batch_{self.head}"
        yield
        self._batch = ""
        self.messages[-1] = self.messages[-1]._replace(headers={**self.messages[-1].headers, COMMIT: "1"})

    @contextlib.contextmanager
    def write(self) -> Iterator[None]:
        """Append facts of one request."""
        with self.batch():
            self._request = f"req_{self.partition}_write_{self.head}"
            yield
            self._request = ""

    def epoch(self, number: int = 1) -> int:
        """Begin an epoch."""
        started = EpochStarted(number, self.partition, 1, partitions.FUNCTION, CLAIM_KEY.fingerprint)
        return self._append(subjects.system(self.partition), "partition", started)

    def tenant_created(self, name: str = "acme", **settings: Any) -> int:
        """Create the script's tenant."""
        return self.tenant_fact(TenantCreated(self.tenant, name, enabled=True, settings=TenantSettings(**settings)))

    def tenant_disabled(self, name: str = "acme") -> int:
        """Disable the script's tenant."""
        return self.tenant_fact(TenantDisabled(self.tenant, name, enabled=False, settings=TenantSettings()))

    def tenant_fact(self, fact: TenantFact) -> int:
        """Append any fact of the tenant."""
        return self._append(subjects.tenant_facts(self.partition, self.tenant), self.tenant, fact)  # type: ignore[arg-type]  # its subclasses are facts

    def created(self, user: str, **attributes: Any) -> int:
        """Provision a person; ``userName`` is made from the id where it is not given."""
        document = {"userName": user, "active": True, **attributes}
        return self._user(UserCreated, user, document, changed=())

    def updated(self, user: str, **attributes: Any) -> int:
        """Change attributes of a person."""
        return self._user(UserUpdated, user, self._documents[user] | attributes, changed=tuple(sorted(attributes)))

    def deactivated(self, user: str) -> int:
        """Make a person inactive."""
        return self._user(UserDeactivated, user, self._documents[user] | {"active": False}, changed=("active",))

    def claims_changed(self, user: str) -> int:
        """Note claims of a person anew, as a change of the unique identifier does."""
        return self._user(UserClaimsChanged, user, self._documents[user], changed=())

    def reactivated(self, user: str) -> int:
        """Make a person active again."""
        return self._user(UserReactivated, user, self._documents[user] | {"active": True}, changed=("active",))

    def deleted(self, user: str) -> int:
        """Remove a person."""
        for claim in self._held.pop(user, ()):
            self._claim(claim.attribute, claim.hash, ClaimReleased(user))
        del self._documents[user]
        return self._append(self._subject(user), user, UserDeleted(user))

    def group_created(self, group: str, *members: str, **attributes: Any) -> int:
        """Provision a group, with its first members; ``displayName`` is made from the id where it is not given."""
        sequence = self._group(GroupCreated, group, {"displayName": group, **attributes})
        return self.members_replaced(group, *members) if members else sequence

    def group_updated(self, group: str, **attributes: Any) -> int:
        """Change a group's head."""
        document = self._documents[group] | attributes
        return self._group(GroupUpdated, group, document, changed=tuple(sorted(attributes)))

    def group_deleted(self, group: str) -> int:
        """Remove a group: its members are closed in the same write."""
        for claim in self._held.pop(group, ()):
            self._claim(claim.attribute, claim.hash, ClaimReleased(group))
        del self._documents[group]
        self._append(subjects.group(self.partition, self.tenant, group), group, GroupDeleted(group))
        return self._members(MembersClosed(group))

    def members_added(self, group: str, *values: str) -> int:
        """Add members."""
        return self._members(MembersAdded(group, values))

    def members_removed(self, group: str, *values: str) -> int:
        """Remove members."""
        return self._members(MembersRemoved(group, values))

    def members_patched(self, group: str, *operations: tuple[str, str]) -> int:
        """Add and remove members in one write of several facts: all but the first name their predecessor's distance."""
        sequence = 0
        for place, (verb, value) in enumerate(operations):
            fact = MembersAdded(group, (value,)) if verb == "add" else MembersRemoved(group, (value,))
            sequence = self._members(fact, bare=place > 0)
        return sequence

    def members_replaced(self, group: str, *values: str) -> int:
        """Put others in the place of all members."""
        return self._members(MembersReplaced(group, values))

    def staged(self, group: str, staging: str, *chunks: Sequence[str]) -> int:
        """Stage chunks of a replacement, behind those that are staged."""
        sequence = 0
        for values in chunks:
            index = self._chunks.get((group, staging), 0)
            self._chunks[group, staging] = index + 1
            sequence = self._staging(StagingChunk(group, staging, index, tuple(values)))
        return sequence

    def staging_committed(self, group: str, staging: str) -> int:
        """Put what was staged in the place of all members."""
        self._staging(StagingCommitted(group, staging, self._chunks[group, staging]))
        return self._members(MembersReplaced(group, staging=staging))

    def staging_abandoned(self, group: str, staging: str) -> int:
        """Give up what was staged."""
        return self._staging(StagingAbandoned(group, staging))

    def group_poisoned(self, group: str, *, chain: str = "group") -> int:
        """Append a fact of a group's head or members that this version cannot read."""
        subject = {"group": subjects.group, "members": subjects.group_members}[chain]
        return self._put(subject(self.partition, self.tenant, group), group, {"ce-type": f"{chain}.updated.v9"}, b"{}")

    def skip_to(self, sequence: int) -> None:
        """Leave room for what others wrote up to a sequence."""
        while self.head < sequence:
            self.messages.append(LogMessage(self.head + 1, "", {}, b""))
        self.published = self.head

    def release_behind_the_back(self, user: str) -> None:
        """Release a person's userName, which the person's fact goes on to name."""
        claim = next(claim for claim in self._held[user] if claim.attribute == "userName")
        self._claim(claim.attribute, claim.hash, ClaimReleased(user))

    def poisoned(self, user: str, *, wire_type: str = "user.updated.v9") -> int:
        """Append a fact of a person that this version cannot read."""
        return self._put(self._subject(user), user, {"ce-type": wire_type}, b"{}")

    def unknown_resource(self, name: str) -> int:
        """Append a fact about a kind of resource that this version does not know."""
        subject = f"fact.{self.partition:02d}.{self.tenant}.course.{name}"
        return self._put(subject, name, {"ce-type": "course.created.v1"}, b"{}")

    def wrong(self, user: str, **attributes: Any) -> int:
        """Append a fact of a person that a gateway would never write, and forget that it was there."""
        held, document = self._held[user], self._documents[user]
        sequence = self._user(UserUpdated, user, document | attributes, changed=tuple(sorted(attributes)), held=held)
        self._held[user], self._documents[user] = held, document
        return sequence

    def undated(self, user: str) -> int:
        """Append a fact of a person whose hireDate is no date."""
        return self.updated(user, **{ILMS: {"hireDate": "soon"}})

    def park_retried(self, sequence: int) -> int:
        """Have a parked fact applied again."""
        return self._append(subjects.system(self.partition), "partition", ParkRetried(sequence))

    def park_discarded(self, sequence: int) -> int:
        """Give a parked fact up."""
        return self._append(subjects.system(self.partition), "partition", ParkDiscarded(sequence))

    async def publish(self, client: Client) -> None:
        """Put what is new into the partition's stream, in order."""
        waiting = self.messages[self.published :]
        for start in range(0, len(waiting), MOST):
            run = [
                Outgoing(message.subject, _without_batch(message), message.body)
                for message in waiting[start : start + MOST]
            ]
            guard = {EXPECTED.replace("Subject-", ""): str(self.published + start)}
            run[0] = run[0]._replace(headers={**run[0].headers, **guard})
            await publish_atomically(client, uuid.uuid4().hex, run)
        self.published = self.head

    def _group(
        self, fact_type: type[GroupFact], group: str, document: Mapping[str, Any], changed: Sequence[str] = ()
    ) -> int:
        held = self._claims(group, {("displayName", self._digest("displayName", document["displayName"]))})
        self._documents[group] = dict(document)
        sequence = self.head + 1
        body = msgspec.Raw(msgspec.json.encode(document))
        created = self._created.setdefault(group, time_of(sequence))
        fact = fact_type(id=group, created=created, document=body, claims=held, changed=tuple(changed))
        self._hold(group, held)
        return self._append(subjects.group(self.partition, self.tenant, group), group, fact)  # type: ignore[arg-type]  # its subclasses are facts

    def _members(
        self, fact: MembersAdded | MembersRemoved | MembersReplaced | MembersClosed, *, bare: bool = False
    ) -> int:
        subject = subjects.group_members(self.partition, self.tenant, fact.id)
        return self._append(subject, fact.id, fact, bare=bare)

    def _staging(self, fact: StagingChunk | StagingCommitted | StagingAbandoned) -> int:
        subject = subjects.group_staging(self.partition, self.tenant, fact.id, fact.staging)
        return self._append(subject, fact.id, fact)

    def _user(
        self,
        fact_type: type[UserFact],
        user: str,
        document: Mapping[str, Any],
        changed: Sequence[str],
        held: tuple[ClaimHeld, ...] | None = None,
    ) -> int:
        held = self._claims(user, self._values_of(document)) if held is None else held
        self._documents[user] = dict(document)
        sequence = self.head + 1
        fact = fact_type(
            id=user,
            created=self._created.setdefault(user, time_of(sequence)),
            document=msgspec.Raw(msgspec.json.encode(document)),
            identifier=identifier_of(document) if isinstance(document.get("emails", []), list) else None,
            claims=held,
            changed=tuple(changed),
        )
        self._hold(user, held)
        return self._append(self._subject(user), user, fact)  # type: ignore[arg-type]  # its subclasses are facts

    def _values_of(self, document: Mapping[str, Any]) -> set[Claimed]:
        wanted: set[Claimed] = {("userName", self._digest("userName", document["userName"]))}
        if (identifier := identifier_of(document)) is not None:
            wanted.add(("identifier", CLAIM_KEY.digest(self.tenant, "identifier:email", identifier)))
        return wanted

    def _digest(self, attribute: str, value: str) -> str:
        return CLAIM_KEY.digest(self.tenant, attribute, fold(value))

    def _hold(self, holder: str, held: Sequence[ClaimHeld]) -> None:
        """Remember what a resource holds after the fact that comes next."""
        sequence = self.head + 1
        self._held[holder] = tuple(msgspec.structs.replace(claim, at=claim.sequence(sequence)) for claim in held)

    def _claims(self, user: str, wanted: set[Claimed]) -> tuple[ClaimHeld, ...]:
        """Release and take claims; return those held then, the new ones by their distance from the holder's fact."""
        held = self._held.get(user, ())
        for claim in held:
            if (claim.attribute, claim.hash) not in wanted:
                self._claim(claim.attribute, claim.hash, ClaimReleased(user))
        kept = [claim for claim in held if (claim.attribute, claim.hash) in wanted]
        new = sorted(wanted - {(claim.attribute, claim.hash) for claim in held})
        for attribute, digest in new:
            self._claim(attribute, digest, ClaimTaken(user))
        taken = [ClaimHeld(attribute, digest, at - len(new)) for at, (attribute, digest) in enumerate(new)]
        return (*kept, *taken)

    def _claim(self, attribute: subjects.ClaimAttribute, digest: str, fact: ClaimTaken | ClaimReleased) -> None:
        subject = subjects.claim(self.partition, self.tenant, attribute, digest)
        self._append(subject, fact.holder, fact)

    def _subject(self, user: str) -> str:
        return subjects.user(self.partition, self.tenant, user)

    def _append(self, subject: str, about: str, fact: Fact, *, bare: bool = False) -> int:
        envelope = self._envelope(subject, about)
        if bare:
            envelope = msgspec.structs.replace(envelope, prev=envelope.prev - self.head - 1)
        headers, body = encode(fact, envelope)
        return self._put(subject, about, headers, body)

    def _envelope(self, subject: str, about: str) -> Envelope:
        sequence = self.head + 1
        alone = f"{self.requests}_{self.partition}_{sequence}"
        request = self._request or alone
        return Envelope(fact_id(alone, 0), self.tenant, about, time_of(sequence), request, self._last.get(subject, 0))

    def _put(self, subject: str, about: str, headers: Mapping[str, str], body: bytes) -> int:
        sequence = self.head + 1
        if "ce-id" not in headers:
            envelope = self._envelope(subject, about)
            headers = {**encode(ClaimTaken(about), envelope)[0], **headers}
        in_batch = {BATCH: self._batch} if self._batch else {}
        self.messages.append(LogMessage(sequence, subject, {**headers, **in_batch}, body))
        self._last[subject] = sequence
        return sequence


def _without_batch(message: LogMessage) -> dict[str, str]:
    return {name: value for name, value in message.headers.items() if name not in {BATCH, COMMIT}}


def identifier_of(document: Mapping[str, Any]) -> str | None:
    """Return the e-mail address that stands for a person, as it is compared."""
    email = principal_email(document.get("emails", ()))
    return None if email is None else fold(email)


def time_of(sequence: int) -> str:
    """Return the time of the fact with a sequence: one a second."""
    return f"2026-01-01T{sequence // 3600 % 24:02d}:{sequence // 60 % 60:02d}:{sequence % 60:02d}.000000Z"


async def create_streams(client: Client, deployed: Topology) -> None:
    """Create the streams of a deployment."""
    for definition in (*deployed.log_streams(), deployed.changes_stream()):
        await create_stream(client, definition)


async def create_stream(client: Client, definition: StreamDefinition) -> None:
    """Create one stream as its definition says."""
    answer = await client.request(
        f"$JS.API.STREAM.CREATE.{definition.name}", json.dumps(definition.config()).encode(), timeout=10
    )
    assert "error" not in json.loads(answer.data), answer.data


async def delete_stream(client: Client, partition: int) -> None:
    """Delete a partition's stream."""
    await client.request(f"$JS.API.STREAM.DELETE.{provisioning(partition)}", b"", timeout=10)
