"""Logs as the gateway writes them, made in memory with known sequences, and put into real streams for the projector."""

import json
import uuid
from collections.abc import Mapping, Sequence
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
from rollbook_contracts.facts.system import EpochStarted, ParkDiscarded, ParkRetried
from rollbook_contracts.facts.tenant import TenantCreated, TenantDisabled, TenantFact
from rollbook_contracts.facts.user import (
    ClaimHeld,
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
        self._last: dict[str, int] = {}
        self._held: dict[str, tuple[ClaimHeld, ...]] = {}
        self._documents: dict[str, dict[str, Any]] = {}
        self._created: dict[str, str] = {}

    @property
    def head(self) -> int:
        return len(self.messages)

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

    def reactivated(self, user: str) -> int:
        """Make a person active again."""
        return self._user(UserReactivated, user, self._documents[user] | {"active": True}, changed=("active",))

    def deleted(self, user: str) -> int:
        """Remove a person."""
        for claim in self._held.pop(user, ()):
            self._claim(claim.attribute, claim.hash, ClaimReleased(user))
        del self._documents[user]
        return self._append(self._subject(user), user, UserDeleted(user))

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
                Outgoing(message.subject, message.headers, message.body) for message in waiting[start : start + MOST]
            ]
            guard = {EXPECTED.replace("Subject-", ""): str(self.published + start)}
            run[0] = run[0]._replace(headers={**run[0].headers, **guard})
            await publish_atomically(client, uuid.uuid4().hex, run)
        self.published = self.head

    def _user(
        self,
        fact_type: type[UserFact],
        user: str,
        document: Mapping[str, Any],
        changed: Sequence[str],
        held: tuple[ClaimHeld, ...] | None = None,
    ) -> int:
        held = self._claims(user, document) if held is None else held
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
        self._held[user] = tuple(msgspec.structs.replace(claim, at=claim.sequence(sequence)) for claim in held)
        return self._append(self._subject(user), user, fact)  # type: ignore[arg-type]  # its subclasses are facts

    def _claims(self, user: str, document: Mapping[str, Any]) -> tuple[ClaimHeld, ...]:
        """Release and take claims; return those held then, the new ones by their distance from the person's fact."""
        wanted: set[tuple[subjects.ClaimAttribute, str]] = {
            ("userName", CLAIM_KEY.digest(self.tenant, "userName", fold(document["userName"])))
        }
        if (identifier := identifier_of(document)) is not None:
            wanted.add(("identifier", CLAIM_KEY.digest(self.tenant, "identifier:email", identifier)))
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

    def _append(self, subject: str, about: str, fact: Fact) -> int:
        headers, body = encode(fact, self._envelope(subject, about))
        return self._put(subject, about, headers, body)

    def _envelope(self, subject: str, about: str) -> Envelope:
        sequence = self.head + 1
        request = f"req_{self.partition}_{sequence}"
        return Envelope(fact_id(request, 0), self.tenant, about, time_of(sequence), request, self._last.get(subject, 0))

    def _put(self, subject: str, about: str, headers: Mapping[str, str], body: bytes) -> int:
        sequence = self.head + 1
        if "ce-id" not in headers:
            envelope = self._envelope(subject, about)
            headers = {**encode(ClaimTaken(about), envelope)[0], **headers}
        self.messages.append(LogMessage(sequence, subject, dict(headers), body))
        self._last[subject] = sequence
        return sequence


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
